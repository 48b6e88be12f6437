# Links that get their carrier only after the start: one of two, and the only one of a machine that had to start without a
# network; and one whose cable is plugged in elsewhere asks again.
# needs: root ip dnsmasq busybox
# timeout: 240
. "$SUPPORT/network_machine.sh"

new_side; server=$side
new_side; client=$side
connect "$client" eth0 "$server" srv0 52:54:00:00:00:01
connect "$client" eth1 "$server" srv1 52:54:00:00:00:02
dhcp_server "$server" srv0 192.0.2.1/24 --dhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,2m --dhcp-option=6,192.0.2.53
first=$started
background machine "$client" 'network-trial timeout=20 keep=yes >answer
  until ip -4 -br address show eth1 | grep -q 198.51.100.50; do sleep 0.1; done
  until grep -q 198.51.100.53 $lasting/etc/resolv.conf; do sleep 0.1; done
  cp $lasting/etc/resolv.conf resolv.conf
  processes >processes
  echo late >late
  until ip -4 -br address show eth0 | grep -q 192.0.2.60; do sleep 0.1; done
  echo moved >moved
  sleep 600'
until_true 30 test -s answer
expect_equal "$(json links.1.how answer)" "no carrier"
dhcp_server "$server" srv1 198.51.100.1/24 --dhcp-range=198.51.100.50,198.51.100.50,255.255.255.0,2m --dhcp-option=6,198.51.100.53
until_true 40 test -s late
expect_equal "$(cat resolv.conf)" "nameserver 192.0.2.53
nameserver 198.51.100.53"
says '^@granary-init keep-links' <processes

# The other end of eth0's cable goes, and comes back with another server.
on "$server" ip link set srv0 down
stop "$first"
on "$server" ip address flush dev srv0
dhcp_server "$server" srv0 192.0.2.1/24 --dhcp-range=192.0.2.60,192.0.2.60,255.255.255.0,2m
until_true 60 test -s moved

new_side; client=$side
connect "$client" eth0 "$server" srv2 52:54:00:00:00:03
background machine "$client" 'status=0; network-trial timeout=1 keep=yes 2>said || status=$?; echo $status >status
  until ip -4 -br address show eth0 | grep -q 203.0.113.50; do sleep 0.1; done
  echo found >found
  sleep 600'
until_true 30 test -s status
expect_equal "$(cat status)" 5
dhcp_server "$server" srv2 203.0.113.1/24 --dhcp-range=203.0.113.50,203.0.113.50,255.255.255.0,2m
until_true 40 test -s found
