# cloud-init in the tree: it finds the context where we hand it on, does what it is told, and leaves the network, the
# sources and the host keys alone; with a second context in several parts, and changes that go with the reboot.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy ssh dumpe2fs clasp gpgv apt-get
# timeout: 1500
# manual

. "$ROOT/tests/boot/lib.sh"

tree cloudy minimal systemd-sysv udev dbus kmod iproute2 procps openssh-server cloud-init
copy_of_os os

cat >user-data <<'END_OF_DATA'
#cloud-config
# [granary]
# branch = cloudy
hostname: configured
disable_root: false
write_files:
  - path: /etc/written
    content: by cloud-init
runcmd:
  - [sh, -c, "echo ran >>/root/ran"]
END_OF_DATA
start_guest cloud --repo "$WORK/os" --context user-data
wait_complete cloud
echo "first start: complete after $boot_seconds s"
expect_equal "$booted" "$(snapshot_of os cloudy)"
until_true "$BOOT_SECONDS" in_guest cloud true
in_guest cloud cloud-init status --wait --long >status || true
says 'status: done' <status || fail "cloud-init: $(cat status)"
says 'seed=/var/lib/cloud/seed/nocloud' <status || fail "another source: $(cat status)"
expect_equal "$(in_guest cloud cat /etc/hostname /proc/sys/kernel/hostname /etc/written /root/ran | tr '\n' ' ')" \
  "configured configured by cloud-initran "
expect_equal "$(in_guest cloud systemctl --failed --no-legend)" "" "units that failed"

# What is not its own: links and their addresses, who looks after them, metadata servers, sources.
in_guest cloud 'ls /etc/systemd/network /etc/netplan /etc/network/interfaces.d 2>/dev/null' >network || true
if says cloud-init <network; then fail "it configures the network: $(cat network)"; fi
in_guest cloud ps -eo args >processes
says '^@granary/udhcpc' <processes || fail "our DHCP client is gone"
if says dhclient <processes; then fail "another DHCP client runs"; fi
in_guest cloud 'cat /var/log/cloud-init.log' >log
if says 169.254.169.254 <log; then fail "it asks metadata servers"; fi
in_guest cloud 'grep -h WARN /var/log/cloud-init.log' >warnings || true
echo "cloud-init warns: $(cat warnings)"
in_guest cloud sh -c 'ls /run/initramfs/upper/etc/apt /run/initramfs/scratch/upper/*/upper/etc/apt 2>/dev/null' >apt || true
if says sources.list <apt; then fail "it replaced the sources"; fi
in_guest cloud 'cat ~debian/.ssh/authorized_keys' >keys
says ssh-ed25519 <keys || fail "the default user has no key"
in_guest cloud 'cat /etc/ssh/ssh_host_*_key.pub' >host_keys

# Again: what was done once is not done again, and the name stays.
in_guest cloud systemctl reboot || true
wait_complete cloud 2
echo "second start: complete after $boot_seconds s"
until_true "$BOOT_SECONDS" in_guest cloud true
in_guest cloud cloud-init status --wait >status || true
expect_equal "$(in_guest cloud cat /etc/hostname /proc/sys/kernel/hostname /root/ran | tr '\n' ' ')" "configured configured ran "
in_guest cloud 'cat /etc/ssh/ssh_host_*_key.pub' | cmp - host_keys || fail "other host keys after a reboot"
power_off cloud
scratch_is_clean cloud

# In parts: a boot section of ours, a #cloud-config, a script. The changes go with the reboot: the keys do not.
cat >parts <<'END_OF_DATA'
Content-Type: multipart/mixed; boundary="=="
MIME-Version: 1.0

--==
Content-Type: text/x-granary

branch = cloudy
persistent = no
--==
Content-Type: text/cloud-config

disable_root: false
write_files:
  - path: /etc/written
    content: by a part
--==
Content-Type: text/x-shellscript

#!/bin/sh
echo by a script >/etc/scripted
--==--
END_OF_DATA
start_guest parts --repo "$WORK/os" --context parts
for start in 1 2; do
  wait_complete parts $start
  echo "in parts, start $start: complete after $boot_seconds s"
  until_true "$BOOT_SECONDS" in_guest parts true
  in_guest parts cloud-init status --wait >status || true
  expect_equal "$(in_guest parts cat /etc/written /etc/scripted | tr '\n' ' ')" "by a partby a script "
  in_guest parts 'cat /etc/ssh/ssh_host_*_key.pub' >"host_keys.$start"
  [ $start = 2 ] || in_guest parts systemctl reboot || true
done
cmp host_keys.1 host_keys.2 || fail "other host keys after a reboot, where changes go with it"
power_off parts
