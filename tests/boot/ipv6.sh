# A network without IPv4: address, route and name server by router advertisements; the repository by a name that has an
# IPv6 address alone, then by the address itself.
# needs: root qemu-system-x86_64 ip radvd dnsmasq busybox
# timeout: 600
# manual

. "$ROOT/tests/boot/lib.sh"
. "$SUPPORT/network_machine.sh"
[ -e /dev/net/tun ] || skip "no /dev/net/tun"

tiny_os
new_side
on "$side" ip link set lo up
on "$side" ip tuntap add tap0 mode tap
on "$side" sysctl -qw net.ipv6.conf.all.forwarding=1
plug "$side" tap0
on "$side" ip address add 2001:db8:4::1/64 dev tap0 nodad
cat >radvd.conf <<'END_OF_CONF'
interface tap0 {
  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
  prefix 2001:db8:4::/64 { };
  RDNSS 2001:db8:4::1 { };
};
END_OF_CONF
inside=(nsenter --net="/proc/$side/ns/net")
background "${inside[@]}" radvd -n -C "$WORK/radvd.conf" -p "$WORK/radvd.pid"
background "${inside[@]}" dnsmasq -k -C /dev/null --no-resolv --no-hosts --user=root --bind-interfaces --listen-address=2001:db8:4::1 \
  --host-record=os.example.org,2001:db8:4::1
background "${inside[@]}" "$GRANARY" serve os --listen "[2001:db8:4::1]:8000"

boot() {  # NAME URL: with nothing but this network
  local name=$1
  "${inside[@]}" timeout "$BOOT_SECONDS" qemu-system-x86_64 -nodefaults -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 \
    -display none -no-reboot -kernel "$FIXTURE/micro/vmlinuz" -initrd "$FIXTURE/micro/initrd" \
    -append "console=ttyS0 panic=10 granary.repository=$2 granary.trust=boot granary.branch=tiny" \
    -netdev tap,id=net0,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=net0,romfile= \
    -device virtio-rng-pci -serial "file:$WORK/$name" >"$name.qemu" 2>&1 &
  local process=$!
  _processes+=("$process")
  until grep -aq 'granary: boot complete' "$name" 2>/dev/null; do
    kill -0 $process 2>/dev/null || fail "$name: $(cat "$name.qemu") $(tail -n 20 "$name")"
    sleep 0.5
  done
  stop $process
  tr -d '\r' <"$name" | grep -a -E 'granary: .*(network|boot complete)'
  tr -d '\r' <"$name" | says -a 'network: eth0 2001:db8:4:[0-9a-f:]*/64 router advertisements' || fail "$name: no address"
}
boot by_name http://os.example.org:8000
boot by_address 'http://[2001:db8:4::1]:8000'
