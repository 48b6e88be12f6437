# A mount can be exported: a handle finds its file again after every cache is gone, also after the mount has begun anew;
# one of a file that changed meanwhile is stale.
# needs: root fuse

mkdir -p source/a/b mnt
echo hello >source/a/b/file
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mount_it() { "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log; }
cat >handle.py <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("type", ctypes.c_int), ("bytes", ctypes.c_ubyte * 128)]
def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
handle, mount_id = Handle(128), ctypes.c_int()
if sys.argv[1] == "take":
    check(libc.name_to_handle_at(-100, b"mnt/a/b/file", ctypes.byref(handle), ctypes.byref(mount_id), 0))
    open("handle", "wb").write(bytes(handle))
else:
    handle = Handle.from_buffer_copy(open("handle", "rb").read())
    top = os.open("mnt", os.O_RDONLY)
    fd = check(libc.open_by_handle_at(top, ctypes.byref(handle), os.O_RDONLY))
    print(os.read(fd, 100).decode().strip())
END
mount_it
$PYTHON handle.py take
echo 3 >/proc/sys/vm/drop_caches
expect_equal "$($PYTHON handle.py use)" hello
"$GRANARY" umount mnt
mount_it
expect_equal "$($PYTHON handle.py use)" hello
"$GRANARY" umount mnt

echo changed >source/a/b/file
"$GRANARY" publish repo source
mount_it
expect_fail 1 $PYTHON handle.py use
expect_said "Stale file handle"
"$GRANARY" umount mnt
"$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log --snapshot main~1
expect_equal "$($PYTHON handle.py use)" hello
"$GRANARY" umount mnt
