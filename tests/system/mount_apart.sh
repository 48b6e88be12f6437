# A mount program with a small root directory of its own, as that of a booted machine has: it needs nothing around it
# once it serves, tells systemd by its name to leave it alone, outlives its mount point for an overlay, and then ends.
# needs: root fuse

mkdir -p source/usr/bin source/usr/lib source/etc apart/{bin,etc,dev,proc,tree,scratch} overlay upper work
for name in one two three four five; do head -c 300000 /dev/urandom >"source/usr/lib/$name"; done
echo hello >source/etc/motd
"$GRANARY" init repo --name sw.example.org --keys keys >apart/etc/sw.trust
"$GRANARY" publish repo source
start_nginx repo

# What is in the small root directory: the program with its libraries, and nothing of this machine.
cp "$GRANARY_MOUNT" apart/bin/granary-mount
if ldd "$GRANARY_MOUNT" >libraries 2>/dev/null; then
  for library in $(grep -o '/[^ ]*' libraries); do
    mkdir -p "apart$(dirname "$library")"
    cp -L "$library" "apart$library"
  done
fi
: >apart/dev/fuse
mount --bind /dev/fuse apart/dev/fuse
mount -t proc proc apart/proc
mount -t tmpfs tmpfs apart/scratch

apart() { # NAME ARGUMENTS...: granary-mount there, under that name
  $PYTHON -c 'import os, sys; os.chroot("apart"); os.chdir("/"); os.execv("/bin/granary-mount", sys.argv[1:])' "$@"
}
word() { getfattr -n "user.granary.$1" --only-values apart/tree; }
name_of() { tr '\0' '\n' <"/proc/$1/cmdline" | first; }
same() { cmp "source/usr/lib/$1" "$2/usr/lib/$1"; }

apart @granary-mount --trust /etc/sw.trust --cache /scratch/cache --state /scratch/state \
  --no-follow -o allow_other,suid,dev "$url" /tree 2>said
! grep -q "read-ahead stays" said || fail "it cannot set the kernel's read-ahead without /sys"
same one apart/tree
worker=$(word worker_pid)
supervisor=$(word stat | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["supervisor_pid"])')
expect_equal "$(name_of "$supervisor")" @granary-mount
expect_equal "$(name_of "$worker")" @granary-mount
apart granary-mount --tell /tree stat | says '"name":"sw.example.org"' || fail "it does not answer inside"
"$GRANARY" stat apart/tree | says sw.example.org || fail "it does not answer outside"

# Its surroundings go; another worker is had all the same.
umount -l apart/proc apart/dev/fuse # the device is open, and stays so
kill -KILL "$worker"
same two apart/tree
[ "$(word worker_pid)" != "$worker" ] || fail "the worker that was killed"
expect_equal "$(name_of "$(word worker_pid)")" @granary-mount
grep -q "worker died" apart/scratch/state/mount.log || fail "no log where there is neither journal nor system log"

# The overlay holds the mount when its place in the tree has gone, and lets go of it at the end.
mount -t overlay overlay -o "lowerdir=apart/tree,upperdir=$WORK/upper,workdir=$WORK/work" overlay 2>/dev/null ||
  { mkdir disk && mount -t tmpfs tmpfs disk && mkdir disk/{upper,work} &&
    mount -t overlay overlay -o lowerdir=apart/tree,upperdir=disk/upper,workdir=disk/work overlay; }
umount -l apart/tree
same three overlay
umount overlay
until_true 20 ended "$supervisor"
umount apart/scratch || fail "the cache is still in use"

# The name stays when another program takes over.
mkdir mnt
bash -c 'exec -a @granary-mount "$@"' sh "$GRANARY_MOUNT" --trust apart/etc/sw.trust --cache cache --state state "$url" mnt
"$GRANARY" upgrade --program "$(dirname "$GRANARY_MOUNT")/granary-mount-next" --json mnt >upgraded
for key in supervisor_pid worker_pid; do
  expect_equal "$(name_of "$($PYTHON -c 'import json, sys; print(json.load(open("upgraded"))[0][sys.argv[1]])' $key)")" \
    @granary-mount "$key"
done
"$GRANARY" umount mnt
