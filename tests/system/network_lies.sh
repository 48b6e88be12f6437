# A DHCP server that lies: values with blanks, quotes, line ends and commands in them, absurd sizes, addresses that are
# none. Nothing of it is run, nothing of it reaches a file; what is sound of the lease holds.
# needs: root ip dnsmasq busybox
. "$SUPPORT/network_machine.sh"

new_side; server=$side
new_side; client=$side
connect "$client" eth0 "$server" srv0 52:54:00:00:00:01
hex() { printf '%s' "$1" | od -An -tx1 -v | tr -d ' \n' | sed 's/../&:/g; s/:$//'; }
evil="x.example.org
nameserver 203.0.113.66"
dhcp_server "$server" srv0 192.0.2.1/24 --dhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,2m \
  --dhcp-option=3,0.0.0.0,255.255.255.255,127.0.0.1,192.0.2.1 --dhcp-option-force=6,224.0.0.1,192.0.2.53 \
  --dhcp-option-force="15,$(hex "$evil")" --dhcp-option-force="12,$(hex "a\$(touch $WORK/pwned) 'b'")" \
  --dhcp-option=26,70 --dhcp-option-force=42,0.0.0.0
machine "$client" 'network-trial timeout=20 >answer; ip -4 route >routes; ip address show eth0 >address
  cat $lasting/etc/resolv.conf >resolv.conf'
expect_equal "$(json links.0.addresses.0 answer)" 192.0.2.50/24
expect_equal "$(cat resolv.conf)" "nameserver 192.0.2.53"
expect_equal "$(grep -c ^default routes)" 1
says -F "mtu 1500" <address
says -F "the lease's router: not the address of a host" <answer
says -F "the lease's mtu: out of bounds" <answer
[ ! -e pwned ] || fail "a command in a lease was run"
expect_equal "$(json hostname answer)" ""
