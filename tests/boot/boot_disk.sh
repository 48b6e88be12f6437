# The raw image as a machine's only disk: the free room behind its partition becomes scratch, and when the disk has been
# made larger, scratch grows into it.
# needs: qemu-system-x86_64 mcopy syslinux sfdisk e2fsck busybox
# timeout: 600
# manual

. "$ROOT/tests/boot/lib.sh"

tiny_os
start_serve os
"$GRANARY" micro build --repo "http://10.0.2.2:$port" --trust "$FIXTURE/trust" --set branch=tiny --format raw --size 1G -o disk.raw >built 2>errors ||
  fail "the image is not made: $(cat errors)"

start_and_power_off() {  # NAME: from the disk, by its boot loader
  local process
  timeout $((2 * BOOT_SECONDS)) qemu-system-x86_64 -nodefaults -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -display none \
    -drive file=disk.raw,format=raw,if=virtio -nic user,model=virtio-net-pci -device virtio-rng-pci \
    -chardev "socket,id=console,path=$WORK/$1.socket,server=on,wait=off,logfile=$1" -serial chardev:console >"$1.qemu" 2>&1 &
  process=$!
  _processes+=("$process")
  until grep -aq 'granary: boot complete' "$1" 2>/dev/null; do
    kill -0 $process 2>/dev/null || fail "$1: $(cat "$1.qemu") $(grep -a granary: "$1" | tail -20)"
    sleep 0.5
  done
  tr -d '\r' <"$1" | grep -aE 'granary: .*(scratch|boot complete)'
  $PYTHON -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall((sys.argv[2] + "\n").encode()); time.sleep(2)' \
    "$1.socket" "$tiny_end"
  wait $process || fail "$1 does not end"
  tr -d '\r' <"$1" | says -a 'scratch is clean' || fail "$1: scratch is not left clean"
}
heard() { tr -d '\r' <"$1" | says -aE "$2" || fail "$1 did not say '$2'"; }

start_and_power_off first
heard first 'scratch: /dev/vda2 \(free room on the boot disk, now ours\)'
truncate -s 2G disk.raw
start_and_power_off second
heard second 'scratch: grown: its partition to 20[0-9]{2} MB, its file system'
start=$(sfdisk --json disk.raw | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["partitiontable"]["partitions"][1]["start"])')
e2fsck -fn "disk.raw?offset=$((start * 512))" >fsck 2>&1 || fail "e2fsck complains: $(tail -5 fsck)"
