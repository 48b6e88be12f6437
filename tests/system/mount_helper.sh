# mount -t granary and fstab: mount(8) finds its helper, and everything else in the list of options is for others.
# needs: root fuse unshare

mkdir source mnt upper work
echo hello >source/file
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
"$GRANARY" tag repo v1 main >/dev/null 2>&1 || true
list="trust=$WORK/trust,cache=$WORK/cache,state=$WORK/state,log=$WORK/mount.log,allow_other,_netdev,nofail,x-systemd.automount"

# In a mount table of its own: a helper beside the system's, and an fstab.
cat >inside.sh <<END
set -euo pipefail
mount -t overlay -o lowerdir=/usr/sbin,upperdir=$WORK/upper,workdir=$WORK/work overlay /usr/sbin
ln -s $(dirname "$GRANARY_MOUNT")/mount.granary /usr/sbin/mount.granary
mount -t granary file://$WORK/repo $WORK/mnt -o $list
cat mnt/file
findmnt -n -o FSTYPE,SOURCE $WORK/mnt
umount $WORK/mnt
echo "file://$WORK/repo $WORK/mnt granary $list,noauto 0 0" >fstab
mount --bind fstab /etc/fstab
mount $WORK/mnt
cat mnt/file
umount $WORK/mnt
mount -f $WORK/mnt
! mountpoint -q $WORK/mnt
mount -t granary file://$WORK/repo $WORK/mnt -o trust=/nothing || echo "status \$?"
mount -t granary file://$WORK/repo $WORK/mnt -o $list,frobnicate || echo "status \$?"
mount -s -t granary file://$WORK/repo $WORK/mnt -o $list,frobnicate
umount $WORK/mnt
END
unshare -m --propagation private bash inside.sh >said 2>inside.err || fail "inside: $(cat said inside.err)"
expect_equal "$(cat said)" "hello
fuse.granary file://$WORK/repo
hello
status 14
status 2" "$(cat inside.err)"
