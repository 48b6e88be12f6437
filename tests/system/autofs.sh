# autofs mounts a repository of the configuration when somebody goes to /granary/NAME, through the program map.
# needs: root fuse unshare setsid

mkdir source upper work etc
echo hello >source/file
"$GRANARY" init repo --name sw.example.org --keys keys >etc/sw.trust
"$GRANARY" publish repo source
cat >etc/granary.conf <<END
[defaults]
cache = $WORK/cache
state = $WORK/state
log = $WORK/mount.log
[repository sw]
url = $WORK/repo
END

# The map by itself.
export GRANARY_CONFIG=$WORK/etc
map=$ROOT/tools/autofs/auto.granary
expect_equal "$("$map" sw)" "-fstype=granary,config=$WORK/etc :sw"
for name in nothing ../sw .git '$(id)' 'a b' ''; do
  "$map" "$name" >said 2>&1 && fail "the map takes \"$name\""
  ! grep -q fstype said || fail "the map knows \"$name\""
done

command -v automount >/dev/null || skip "the rest needs automount (package autofs)"
grep -qw autofs /proc/filesystems || skip "the rest needs a kernel with autofs"

# The daemon, in a mount table of its own; of a process group of its own, because those of its group see what lies below.
cat >inside.sh <<END
. "$ROOT/tests/system/lib.sh"
mount -t overlay -o lowerdir=/usr/sbin,upperdir=$WORK/upper,workdir=$WORK/work overlay /usr/sbin
ln -s $(dirname "$GRANARY_MOUNT")/mount.granary /usr/sbin/mount.granary
mount -t tmpfs tmpfs /run
mkdir -p $WORK/granary
echo "$WORK/granary program:$map --timeout=600" >auto.master
background setsid automount -f -d -p $WORK/automount.pid $WORK/auto.master
daemon=\$started
until_true 20 grep -q "autofs.*$WORK/granary\|$WORK/granary autofs" /proc/self/mounts
expect_equal "\$(cat $WORK/granary/sw/file)" hello
grep -q "$WORK/granary/sw fuse.granary" /proc/self/mounts || fail "not a mount of ours"
[ ! -e $WORK/granary/nothing ] || fail "something that is not configured appears"
umount $WORK/granary/sw
expect_equal "\$(cat $WORK/granary/sw/file)" hello  # and again
umount $WORK/granary/sw
kill \$daemon
until_true 20 ended \$daemon
END
unshare -m --propagation private bash -euo pipefail inside.sh >inside.log 2>&1 ||
  fail "inside: $(cat inside.log; tail -30 background.* 2>/dev/null)"
