# A directory of 200,000 entries lists whole, quickly, and goes on from anywhere.
# needs: root fuse
# timeout: 400

mkdir -p source/many
$PYTHON - <<'END'
import os
for i in range(200000):
    os.symlink("x", f"source/many/{i:06d}")
END
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mkdir mnt
"$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log
$PYTHON - <<'END'
import ctypes, os
names = os.listdir("mnt/many")
assert len(names) == len(set(names)) == 200000, len(names)
libc = ctypes.CDLL(None, use_errno=True)
libc.opendir.restype = ctypes.c_void_p
libc.readdir64.restype = ctypes.c_void_p
libc.telldir.restype = ctypes.c_long
for function in (libc.readdir64, libc.telldir, libc.closedir):
    function.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
name_of = lambda entry: ctypes.string_at(entry + 19).decode()
d = libc.opendir(b"mnt/many")
for _ in range(1000):
    libc.readdir64(d)
place = libc.telldir(d)
after = [name_of(libc.readdir64(d)) for _ in range(5000)]
libc.seekdir(d, place)
again = [name_of(libc.readdir64(d)) for _ in range(5000)]
assert after == again and len(set(after)) == 5000
END
"$GRANARY" umount mnt
