# The micro image's network: DHCP with every option we take, two links at once, and nobody who answers.
# needs: root ip dnsmasq busybox
# timeout: 100
. "$SUPPORT/network_machine.sh"

# dhcp_server SIDE DEVICE ADDRESS/LENGTH OPTIONS...
dhcp_server() {
  local where=$1 device=$2 address=$3
  shift 3
  on "$where" ip address add "$address" dev "$device"
  background nsenter --net="/proc/$where/ns/net" dnsmasq -k -C /dev/null --port=0 --interface="$device" --user=root \
    --bind-interfaces --leasefile-ro --dhcp-authoritative --no-ping "$@"
}

new_side; server=$side
new_side; client=$side
connect "$client" eth0 "$server" srv0 52:54:00:00:00:01
dhcp_server "$server" srv0 192.0.2.1/24 --dhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,2m \
  --dhcp-option=3,192.0.2.1,192.0.2.2 --dhcp-option=6,192.0.2.53,192.0.2.54 --dhcp-option=15,example.org \
  --dhcp-option=119,lab.example.org,example.org --dhcp-option=26,1400 --dhcp-option=42,192.0.2.123 \
  --dhcp-host=52:54:00:00:00:01,grain

machine "$client" 'network-trial timeout=20 dns=198.51.100.9 >answer
  ip -4 route >routes; ip address show eth0 >address; cp $lasting/etc/resolv.conf resolv.conf
  tr "\0" " " </proc/$(pgrep -n busybox || pgrep -n udhcpc)/cmdline >client || true'
expect_equal "$(json links.0.addresses.0 answer)" 192.0.2.50/24
expect_equal "$(json links.0.how answer)" "DHCP from 192.0.2.1"
expect_equal "$(json dhcp_server answer)" 192.0.2.1
expect_equal "$(json hostname answer)" grain
expect_equal "$(json ntp.0 answer)" 192.0.2.123
expect_equal "$(json up answer)" true
expect_equal "$(cat resolv.conf)" "search lab.example.org example.org
nameserver 198.51.100.9
nameserver 192.0.2.53
nameserver 192.0.2.54"
says -F "mtu 1400" <address
expect_equal "$(grep -c ^default routes)" 2
first <routes | says '^default via 192.0.2.1 .*metric [0-9]*0 *$'
