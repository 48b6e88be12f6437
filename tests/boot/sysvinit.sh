# A tree with sysvinit: it starts, says so, makes its own ssh host keys, is restarted and powered off by its own scripts,
# and leaves its disk clean.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy ssh dumpe2fs clasp gpgv apt-get
# timeout: 900
# manual

. "$ROOT/tests/boot/lib.sh"

tree classic minimal sysvinit-core udev kmod iproute2 procps openssh-server
start_guest classic --repo "$FIXTURE/os" --branch classic
wait_complete classic
echo "complete after $boot_seconds s"
expect_equal "$booted" "$(snapshot_of "$FIXTURE/os" classic)"
wait_ssh classic
in_guest classic readlink /proc/1/exe | says "/sbin/init$" || fail "another init"
in_guest classic granary-guest status >status
says "${booted:0:12}" <status || fail "granary-guest does not say what runs: $(cat status)"
in_guest classic 'echo kept >/etc/kept; cat /etc/ssh/ssh_host_*_key.pub' >host_keys
in_guest classic /sbin/reboot || true
wait_complete classic 2
wait_ssh classic
expect_equal "$(in_guest classic cat /etc/kept)" kept
in_guest classic 'cat /etc/ssh/ssh_host_*_key.pub' | cmp - host_keys || fail "other host keys after a reboot"
in_guest classic /sbin/poweroff || true
until_true "$BOOT_SECONDS" eval "! is_running classic"
console_says classic 'scratch is clean'
scratch_is_clean classic
