# Links that get their carrier only after the start: a second card; and both of a machine that started without a network,
# from what it had cached.
# needs: qemu-system-x86_64 qemu-img mcopy dumpe2fs busybox
# timeout: 600
# manual

. "$ROOT/tests/boot/lib.sh"

tiny_os
start_serve os
monitor() {
  $PYTHON -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(4096); s.sendall((sys.argv[2] + "\n").encode()); time.sleep(0.3); s.recv(4096)' \
    "$WORK/monitor" "$*"
}
# wait_address LINK NETWORK MARK: until the guest has it.
wait_address() {
  typed web "until ip -4 addr show $1 | grep -q 'inet $2'; do sleep 1; done; echo $3 is \$(ip -4 addr show $1 | grep inet)"
  wait_console web "$3 is inet $2"
}

start_guest web --repo "$url" --branch tiny --set network_timeout=10s --qemu -monitor --qemu "unix:$WORK/monitor,server=on,wait=off" \
  --qemu -netdev --qemu user,id=late,net=10.0.9.0/24 --qemu -device --qemu virtio-net-pci,netdev=late,romfile=
monitor set_link late off
wait_complete web
console_says web 'eth1 no carrier'
monitor set_link late on
wait_console web 'network: eth1 has a carrier now'
wait_address eth1 10.0.9. second

# Lost and found: the lease is asked for again, and nothing else changes.
monitor set_link net0 off
monitor set_link net0 on
wait_address eth0 10.0.2. same
typed web "$tiny_end"
until_true "$BOOT_SECONDS" eval "! is_running web"
scratch_is_clean web

# Without a network at all, from the cache; then it comes.
again web
monitor set_link net0 off
monitor set_link late off
wait_complete web
echo "without a network: complete after $boot_seconds s"
console_says web 'FAILED network: '
monitor set_link net0 on
wait_address eth0 10.0.2. found
typed web 'echo it asks $(grep nameserver /run/initramfs/etc/resolv.conf); /run/initramfs/bin/granary-guest update check'
wait_console web 'it asks nameserver 10.0.2.3'
wait_console web 'nothing newer'
