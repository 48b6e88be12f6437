# user.granary.* tells what an entry is made of, and is never copied; statfs, holes and sizes are honest.
# needs: root fuse getfattr

mkdir source
echo hello >source/file
setfattr -n user.note -v kept source/file
truncate -s 10M source/sparse
printf x | dd of=source/sparse bs=1 seek=5000000 conv=notrunc status=none
ln -s file source/link
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source --json >published.json
mkdir mnt
"$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log

xattr() { getfattr --only-values -n "user.granary.$1" "$2" 2>/dev/null; }
expect_equal "$(xattr digest mnt/file)" "$(sha256sum <source/file | cut -d' ' -f1)"
expect_equal "$(xattr inode mnt/file)" "$(stat -c %i mnt/file)"
object=$(xattr objects mnt/file)
[ -f "repo/objects/${object:0:2}/${object:2}" ] || fail "no object $object"
expect_equal "$(xattr name mnt)" sw.example.org
expect_equal "$(xattr branch mnt)" main
expect_equal "$(xattr snapshot mnt)" "$(json snapshot published.json)"
expect_equal "$(xattr tree_digest mnt)" "$(json tree_digest published.json)"
xattr stat mnt >stat.json
expect_equal "$(json snapshot stat.json)" "$(json snapshot published.json)"
xattr counters mnt >counters.json
json cache.hits counters.json >/dev/null

# Not listed: what copies xattrs copies the file's own.
expect_equal "$(getfattr -m - mnt/file 2>/dev/null | grep -c granary || true)" 0
expect_equal "$(getfattr -m - mnt 2>/dev/null | grep -c granary || true)" 0
cp -a mnt copy
same_tree source copy
tar --xattrs --xattrs-include='*' -cf all.tar -C mnt .
mkdir untarred
tar --xattrs --xattrs-include='*' -xf all.tar -C untarred
same_tree source untarred

# A sparse file takes what it stores, and tells where that is.
[ "$(stat -c %b mnt/sparse)" -lt 4096 ] || fail "a sparse file of $(stat -c %b mnt/sparse) blocks"
$PYTHON - <<'END'
import os
fd = os.open("mnt/sparse", os.O_RDONLY)
data = os.lseek(fd, 0, os.SEEK_DATA)
hole = os.lseek(fd, data, os.SEEK_HOLE)
assert 0 < data <= 5000000 < hole < 10 << 20, (data, hole)
try:
    os.lseek(fd, hole, os.SEEK_DATA)
    raise SystemExit("data after the last data")
except OSError as error:
    assert error.errno == 6, error
assert os.pread(fd, 3, 4999999) == b"\0x\0"
s = os.statvfs("mnt")
assert s.f_namemax == 255 and s.f_bavail == 0 and s.f_files == 4, s
END

expect_fail 1 stat "mnt/$(printf 'x%.0s' {1..256})"
expect_said "File name too long"
expect_fail 1 stat mnt/nothing
expect_said "No such file"

# Nothing can be written.
for command in "touch mnt/new" "rm mnt/file" "chmod 600 mnt/file" "ln mnt/file mnt/other" "setfattr -n user.a -v b mnt/file"; do
  expect_fail 1 $command
  expect_said "Read-only file system"
done
"$GRANARY" umount mnt
