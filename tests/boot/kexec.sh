# A machine that ends with kexec: systemd hands over to us, the disk is left clean, and the kernel that kexec-tools had
# loaded starts, here the same micro image again.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy ssh dumpe2fs clasp gpgv apt-get
# timeout: 900
# manual

. "$ROOT/tests/boot/lib.sh"

tree kexecs minimal systemd-sysv udev dbus kmod iproute2 procps openssh-server kexec-tools
start_guest web --repo "$FIXTURE/os" --branch kexecs
wait_complete web
wait_ssh web
for file in vmlinuz initrd; do
  "$GRANARY" boot --vm web ssh -- "cat >/root/$file" <"$FIXTURE/micro/$file"
done
in_guest web 'echo kept >/etc/kept; kexec -l /root/vmlinuz --initrd=/root/initrd --reuse-cmdline && cat /sys/kernel/kexec_loaded' >loaded
expect_equal "$(cat loaded)" 1
in_guest web systemctl kexec || true
wait_complete web 2
echo "by kexec: complete after $boot_seconds s"
console_says web 'scratch is clean'
if tr -d '\r' <"$(console web)" | says -aE 'SeaBIOS.*SeaBIOS|recovering journal'; then fail "it was no kexec, or not clean"; fi
expect_equal "$(grep -ac 'kexec_core: Starting new kernel' "$(console web)")" 1
wait_ssh web
expect_equal "$(in_guest web cat /etc/kept)" kept
power_off web
scratch_is_clean web
