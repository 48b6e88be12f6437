# A lease that changes under a running machine: the new address comes, the old one goes, resolv.conf changes in place; a
# server that falls silent takes nothing away.
# needs: root ip dnsmasq busybox
. "$SUPPORT/network_machine.sh"

new_side; server=$side
new_side; client=$side
connect "$client" eth0 "$server" srv0 52:54:00:00:00:01
dhcp_server "$server" srv0 192.0.2.1/24 --dhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,2m \
  --dhcp-option=3,192.0.2.1 --dhcp-option=6,192.0.2.53
before=$started
background machine "$client" 'network-trial timeout=20 >answer
  exec 5<$lasting/etc/resolv.conf
  echo ready >ready
  until test -e renew; do sleep 0.1; done
  for one in /proc/[0-9]*; do
    if tr "\0" " " <$one/cmdline | grep "^@granary/udhcpc" >client; then kill -USR1 ${one#/proc/}; fi
  done
  until cat $lasting/leases/eth0.log >log; ip -4 -br address show eth0 | grep -q 192.0.2.60 && ip -4 route | grep -q "via 192.0.2.2"; do sleep 0.1; done
  sleep 0.3
  ip -4 -br address show eth0 >addresses; ip -4 route >routes; cat <&5 >resolv.conf
  echo done >done
  sleep 600'
until_true 30 test -s ready
stop "$before"
background nsenter --net="/proc/$server/ns/net" dnsmasq -k -C /dev/null --port=0 --interface=srv0 --user=root \
  --bind-interfaces --leasefile-ro --dhcp-authoritative --no-ping --dhcp-range=192.0.2.60,192.0.2.60,255.255.255.0,2m \
  --dhcp-option=3,192.0.2.2 --dhcp-option=6,192.0.2.153
touch renew
until_true 40 test -s done
says -F 192.0.2.60/24 <addresses
if says -F 192.0.2.50 <addresses; then fail "the old address is still there: $(cat addresses)"; fi
if says -F "via 192.0.2.1 " <routes; then fail "the old router is still there: $(cat routes)"; fi
expect_equal "$(cat resolv.conf)" "nameserver 192.0.2.153"
