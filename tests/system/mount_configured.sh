# A repository that the configuration names is mounted by its name, by everybody who mounts; showconfig says what holds.
# needs: root fuse unshare findmnt

mkdir source mnt other upper work etc etc/conf.d
echo hello >source/file
"$GRANARY" init repo --name sw.example.org --keys keys >etc/sw.trust
"$GRANARY" publish repo source
"$GRANARY" tag repo v1 main >/dev/null
start_serve repo
export GRANARY_CONFIG=$WORK/etc

cat >etc/granary.conf <<END
# This machine's repositories.
[defaults]
cache = $WORK/cache
state = $WORK/state
log = $WORK/mount.log
quota = 100M

[repository sw]
url = http://127.0.0.1:$port
mount_point = $WORK/mnt
options = allow_other,noexec
END
chmod 600 etc/granary.conf
"$GRANARY" showconfig >said 2>&1 || fail "a good configuration is refused: $(cat said)"

# By name alone, and elsewhere.
"$GRANARY" mount sw
expect_equal "$(cat mnt/file)" hello
grep -q " $WORK/mnt .*noexec" /proc/self/mountinfo || fail "without the options of the configuration"
"$GRANARY" showconfig mnt --json >live.json
expect_equal "$(json values.quota.value live.json)" 100M
expect_equal "$(json values.quota.origin live.json)" "$WORK/etc/granary.conf:6"
expect_equal "$(json values.trust.value live.json)" "$WORK/etc/sw.trust"
expect_equal "$(json repository live.json)" sw
"$GRANARY" mount sw other --tag v1 --quota 50M
"$GRANARY" showconfig other --json >live.json
expect_equal "$(json values.quota.origin live.json)" "command line"
expect_equal "$(json values.tag.value live.json)" v1
"$GRANARY" stat sw --json >live.json
expect_equal "$(json mount_point live.json)" "$WORK/mnt"
"$GRANARY" umount sw  # where its section says
"$GRANARY" umount other

# The later file holds; a wrong line hinders its own repository alone, and is named.
printf '[repository sw]\nquota = 70M\n[repository broken]\nurl = /srv/x\nqouta = 1G\n' >etc/conf.d/local.conf
"$GRANARY" showconfig sw --json >live.json
expect_equal "$(json values.quota.origin live.json)" "$WORK/etc/conf.d/local.conf:2"
expect_fail 3 "$GRANARY" showconfig
expect_said "$WORK/etc/conf.d/local.conf:5: there is no key \"qouta\": did you mean \"quota\"?"
"$GRANARY" mount sw
"$GRANARY" umount mnt
expect_fail 2 "$GRANARY" mount broken mnt
expect_said "local.conf:5"
expect_fail 2 "$GRANARY" mount nothing
expect_said "no [repository nothing]"
printf "[repository other]\nurl = https://joe:secret@sw.example.org\n" >>etc/granary.conf
chmod 644 etc/granary.conf
"$GRANARY" showconfig sw >/dev/null
expect_fail 3 "$GRANARY" showconfig
expect_said "chmod 600"
! grep -q secret said || fail "a password is shown: $(cat said)"

# mount(8) and fstab, in a mount table of its own.
cat >inside.sh <<END
set -euo pipefail
mount -t overlay -o lowerdir=/usr/sbin,upperdir=$WORK/upper,workdir=$WORK/work overlay /usr/sbin
ln -s $(dirname "$GRANARY_MOUNT")/mount.granary /usr/sbin/mount.granary
mount -t granary -o config=$WORK/etc sw $WORK/mnt
umount $WORK/mnt
echo "sw $WORK/mnt granary config=$WORK/etc,noauto,_netdev,nofail 0 0" >fstab
mount --bind fstab /etc/fstab
mount $WORK/mnt
cat mnt/file
findmnt -n -o FSTYPE $WORK/mnt
umount $WORK/mnt
END
unshare -m --propagation private bash inside.sh >said 2>inside.err || fail "inside: $(cat said inside.err)"
expect_equal "$(cat said)" "hello
fuse.granary" "$(cat inside.err)"
