# The micro image's network without DHCP: ip= as the kernel has it, plans of contexts, IPv6 by router advertisements; and
# what is said where nothing works, in bounded time.
# needs: root ip busybox radvd
. "$SUPPORT/network_machine.sh"

new_side; server=$side
new_side; client=$side
connect "$client" eth0 "$server" srv0 52:54:00:00:00:01
connect "$client" eth1 "$server" srv1 52:54:00:00:00:02

machine "$client" 'status=0; network-trial timeout=1 >answer 2>said || status=$?; echo $status >status'
expect_equal "$(cat status)" 5
says -F "eth0 (52:54:00:00:00:01): no carrier; eth1 (52:54:00:00:00:02): no carrier" <said
plug "$server" srv0
plug "$server" srv1
machine "$client" 'status=0; network-trial timeout=3 >answer 2>said || status=$?; echo $status >status
  processes >processes'
expect_equal "$(cat status)" 5
says -F "no answer by DHCP" <said
if says udhcpc <processes; then fail "a client was left behind"; fi

machine "$client" 'network-trial timeout=20 ip=192.0.2.7::192.0.2.1:255.255.255.0:grain:eth0:off:192.0.2.53 \
    "ip=[2001:db8:1::7]::[2001:db8:1::1]:64::eth1:none" >answer
  ip -4 route >routes; ip -6 route >routes6; cat $lasting/etc/resolv.conf >resolv.conf'
expect_equal "$(json links.0.how answer)" static
expect_equal "$(json links.0.addresses.0 answer)" 192.0.2.7/24
expect_equal "$(json links.1.addresses.0 answer)" 2001:db8:1::7/64
expect_equal "$(json hostname answer)" grain
says '^default via 192.0.2.1 dev eth0' <routes
says '^default via 2001:db8:1::1 dev eth1' <routes6
expect_equal "$(cat resolv.conf)" "nameserver 192.0.2.53"

new_side; client=$side
connect "$client" eth0 "$server" srv2 52:54:00:00:00:03
plug "$server" srv2
machine "$client" 'network-trial network=static timeout=20 mac=52:54:00:00:00:03 address=192.0.2.8/24 gateway=198.51.100.1 >answer
  ip -4 route >routes'
expect_equal "$(json links.0.addresses.0 answer)" 192.0.2.8/24
says '^default via 198.51.100.1 dev eth0 .*onlink' <routes
machine "$client" 'ip address flush dev eth0; network-trial timeout=20 device=ens3 address=192.0.2.9/24 >answer'
expect_equal "$(json links.0.device answer)" eth0  # contexts name devices as the OS will
says -F "there is no link ens3; eth0 is taken for it" <answer
for words in "network=static" "ip=nonsense:x" "ip=192.0.2.7::::grain:no/link:off"; do
  machine "$client" "status=0; network-trial timeout=1 $words 2>said || status=\$?; echo \$status >status"
  expect_equal "$(cat status)" 3 "$words"
done
machine "$client" 'network-trial network=none >answer'
expect_equal "$(json up answer)" false

# Router advertisements alone, with a name server in them.
new_side; client=$side
connect "$client" eth0 "$server" srv3 52:54:00:00:00:04
on "$server" sysctl -qw net.ipv6.conf.all.forwarding=1
plug "$server" srv3
on "$server" ip address add 2001:db8:3::1/64 dev srv3
cat >radvd.conf <<'END'
interface srv3 {
  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
  prefix 2001:db8:3::/64 { };
  RDNSS 2001:db8:3::53 { };
  DNSSL six.example.org { };
};
END
background nsenter --net="/proc/$server/ns/net" radvd -n -C "$WORK/radvd.conf" -p "$WORK/radvd.pid"
machine "$client" 'network-trial timeout=30 >answer; ip -6 route >routes; cat $lasting/etc/resolv.conf >resolv.conf'
expect_equal "$(json links.0.how answer)" "router advertisements"
says '^default via fe80:.* dev eth0' <routes
expect_equal "$(cat resolv.conf)" "search six.example.org
nameserver 2001:db8:3::53"
