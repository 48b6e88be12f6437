# The micro image's network by DHCP: every option we take, two cards at once, gateways outside of the network, a lease
# that is renewed with other values.
# needs: root ip dnsmasq busybox
. "$SUPPORT/network_machine.sh"

new_side; server=$side
new_side; client=$side
connect "$client" eth0 "$server" srv0 52:54:00:00:00:01
dhcp_server "$server" srv0 192.0.2.1/24 --dhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,2m \
  --dhcp-option=3,192.0.2.1,192.0.2.2 --dhcp-option=6,192.0.2.53,192.0.2.54 --dhcp-option=15,example.org \
  --dhcp-option=119,lab.example.org,example.org --dhcp-option=26,1400 --dhcp-option=42,192.0.2.123 \
  --dhcp-host=52:54:00:00:00:01,grain
machine "$client" 'network-trial timeout=20 dns=198.51.100.9 >answer
  ip -4 route >routes; ip address show eth0 >address; cp $lasting/etc/resolv.conf resolv.conf
  processes >processes'
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
says '^@granary/udhcpc .*-i eth0' <processes  # stays, and systemd spares what begins with @

# Two cards; the second has nobody who answers, and does not keep the first waiting for long. A third has no cable.
connect "$client" eth1 "$server" srv1
connect "$client" eth2 "$server" srv2
plug "$server" srv1
machine "$client" 'ip address flush dev eth0; network-trial timeout=60 >answer'
expect_equal "$(json links.0.addresses.0 answer)" 192.0.2.50/24
expect_equal "$(json links.1.how answer)" "no answer by DHCP"
expect_equal "$(json links.2.how answer)" "no carrier"

# A network of single addresses, as GCE's: the gateway is none of its neighbours. Only the card that is named is touched.
new_side; server=$side
new_side; client=$side
connect "$client" eth0 "$server" srv0
connect "$client" eth1 "$server" srv1
dhcp_server "$server" srv1 198.51.100.1/24 --dhcp-range=198.51.100.50,198.51.100.50,255.255.255.0,2m \
  --dhcp-option=1,255.255.255.255 --dhcp-option=121,198.51.100.1/32,0.0.0.0,0.0.0.0/0,198.51.100.1,10.0.0.0/8,198.51.100.1
machine "$client" 'network-trial timeout=20 ip=eth1:dhcp >answer; ip -4 route >routes; ip -br link >links'
expect_equal "$(json links.0.addresses.0 answer)" 198.51.100.50/32
says '^default via 198.51.100.1 dev eth1' <routes
says '^10.0.0.0/8 via 198.51.100.1 dev eth1' <routes
says '^198.51.100.1 dev eth1' <routes
says '^eth0.* DOWN' <links
