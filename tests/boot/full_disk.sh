# A running guest fills its scratch disk to the last byte and is restarted, twice: it starts, says what was given up for
# it (the reserve, then the cache), and has everything that it had written; emptied again, it has a reserve again.
# needs: qemu-system-x86_64 qemu-img mcopy dumpe2fs busybox
# timeout: 900
# manual

. "$ROOT/tests/boot/lib.sh"

tiny_os
start_guest full --repo "$WORK/os" --branch tiny --disk "$WORK/small.qcow2:400M"
wait_complete full

# sums NUMBER MARK: of all that was written, told by the guest with the mark; $told is what it said.
sums() {
  typed full "echo $2 \$(sha256sum /root/kept.* | sha256sum) \$(ls -l /root/fill.* | sha256sum)"
  wait_console full "$2 [0-9a-f]{64}"
  told=$(tr -d '\r' <"$(console full)" | grep -aoE "$2 [0-9a-f]{64}.*" | tail -1 | sed "s/^$2 //")
}
fill() {  # NUMBER: until not one block is left
  typed full "head -c 5000000 /dev/urandom >/root/kept.$1; cat /dev/zero >/root/fill.$1; sync; cat /dev/zero >/root/fill.$1.rest; sync"
  sums "$1" "written-$1"
  written=$told
  typed full "echo left-$1 \$(df -k / | tail -n 1)"
  wait_console full "left-$1 .* [0-9] +100%"  # a block is left where a file needs one more to say where it lies
}
restart() {  # NUMBER: as it is
  typed full "exec /run/initramfs/bin/granary-init end-sysvinit reboot"
  wait_complete full $(($1 + 1))
  echo "restarted: complete after $boot_seconds s"
}
fill 1
restart 1
console_says full 'the disk was full: its reserve was given up'
sums 1 again-1
expect_equal "$told" "$written" "what was written before the first restart"
fill 2
restart 2
console_says full 'the cache was cleared'
sums 2 again-2
expect_equal "$told" "$written" "what was written before the second restart"
typed full 'rm /root/fill.*; sync'
restart 3
typed full 'echo reserve-of $(ls -l /run/initramfs/scratch/reserve)'
wait_console full 'reserve-of .* 33554432 '
typed full "$tiny_end"
until_true "$BOOT_SECONDS" eval "! is_running full"
scratch_is_clean full
