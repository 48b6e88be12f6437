#!/bin/bash
# Makes a golden repository: what this version of granary writes, for every later version to read.
#   make_golden.sh DIR [GRANARY]     DIR must not exist; GRANARY is the program (build/dev/bin/granary)
# DIR gets repo/, trust.json and expected.txt (what is in each snapshot, by the second reader). The keys are thrown away.
# It is small and has every kind of entry, all codecs, packs, chunks, holes, two branches, a tag, history and a rotated root.
# A golden repository is committed once, as tests/format/golden/vN, and never made again. Needs root.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?$(sed -n '3p' "$0")}
granary=${2:-$here/../../build/dev/bin/granary}
reader="/usr/bin/python3 $here/../independent/granary_reader.py"
export PYTHONDONTWRITEBYTECODE=1
[ "$(id -u)" = 0 ] || { echo "make_golden.sh: owners and device nodes need root" >&2; exit 1; }
mkdir "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home
mkdir "$HOME"

/usr/bin/python3 - "$work/tree" <<'END'
import os, random, stat, struct, sys

top, chance = os.fsencode(sys.argv[1]), random.Random(1)
at = lambda name: os.path.join(top, os.fsencode(name) if isinstance(name, str) else name)

def write(name, data=b"", mode=0o644):
    os.makedirs(os.path.dirname(at(name)), exist_ok=True)
    with open(at(name), "wb") as file:
        file.write(data)
    os.chmod(at(name), mode)

acl = lambda *entries: struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
for number in range(40):  # a few packs' worth of small files
    write(f"usr/share/doc/{number:02}/README", b"%d grains of wheat, and a chaff of numbers: %s\n" % (number, b" ".join(
        b"%d" % chance.randrange(1000) for _ in range(number * 20))))
write("usr/lib/large", chance.randbytes(1_500_000))
write("usr/lib/noughts", bytes(300_000) + b"end")
write("usr/bin/setuid", b"#!/bin/sh\nid\n", 0o4755)
write("usr/bin/setgid", b"#!/bin/sh\nid\n", 0o2755)
write("usr/bin/capable", b"\x7fELF not really", 0o755)
os.setxattr(at("usr/bin/capable"), "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
write("etc/empty")
write("etc/secret", b"hush\n", 0o000)
write("etc/owned", b"by somebody far away\n")
os.chown(at("etc/owned"), 4_000_000_001, 3_999_999_999)
write("etc/acl", b"for some\n", 0o640)
entries = acl((1, 6, 0xFFFFFFFF), (2, 4, 1000), (4, 4, 0xFFFFFFFF), (0x10, 4, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF))
os.setxattr(at("etc/acl"), "system.posix_acl_access", entries)
os.setxattr(at("etc"), "system.posix_acl_default", acl((1, 7, 0xFFFFFFFF), (4, 5, 0xFFFFFFFF), (0x20, 5, 0xFFFFFFFF)))
for name, value in {"user.empty": b"", "user.binary": bytes(range(256)), "user.text": b"grain"}.items():
    os.setxattr(at("etc/owned"), name, value)
with open(at("var-sparse"), "wb") as file:
    file.seek(1 << 20)
    file.write(b"middle")
    file.truncate(48 << 20)
os.makedirs(at("links/far/away"))
write("links/one", b"one content, three names\n")
os.link(at("links/one"), at("links/far/two"))
os.link(at("links/one"), at("links/far/away/three"))
write("links/far/a", b"beside\n")
os.link(at("links/far/a"), at("links/far/b"))
os.symlink("one", at("links/relative"))
os.symlink("/nowhere/\udcff", at("links/dangling"))
os.symlink("x" * 4000, at("links/long"))
os.link(at("links/relative"), at("links/far/relative"), follow_symlinks=False)
os.mkfifo(at("links/fifo"))
os.makedirs(at("dev/empty"))
os.chmod(at("dev/empty"), 0o1777)
os.mknod(at("dev/null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
os.mknod(at("dev/disk"), stat.S_IFBLK | 0o660, os.makedev(259, 1048575))
os.mknod(at("dev/socket"), stat.S_IFSOCK | 0o755)
for name in b"\x01\x7f\xff", b"new\nline", b"back\\slash and blank", "Spelt-ähre".encode(), b"n" * 255, b"-dash", b".hidden":
    write(b"names/" + name, b"odd\n")
write("names.txt", b"sorts between names and names/ in some orders\n")

for directory, names, files in os.walk(top, topdown=False):  # fixed times; a few strange ones
    for name in names + files:
        path = os.path.join(directory, name)
        os.utime(path, ns=(0, 1_700_000_000_123_456_789 + chance.randrange(10**15)), follow_symlinks=False)
os.utime(at("etc/empty"), ns=(0, -1_500_000_000))
os.utime(at("etc/secret"), ns=(0, 4_102_444_800_000_000_001))
os.utime(top, ns=(0, 1_700_000_000_000_000_000))
END

tree=$work/tree
repo=$dir/repo
publish() { "$granary" publish "$repo" "$@" >/dev/null; }

"$granary" init "$repo" --name golden.example.org --keys "$work/keys" >"$dir/trust.json" 2>/dev/null
publish "$tree" --message "the first"

printf 'changed\n' >"$tree/etc/owned"
mv "$tree/usr/share/doc/07" "$tree/usr/share/doc/seven"
printf 'appended\n' >>"$tree/usr/lib/large"
chmod 600 "$tree/usr/share/doc/08/README"
touch -d @1700000001.5 "$tree/etc/owned" "$tree/usr/share/doc" "$tree/usr/lib/large"
publish "$tree" --compression zlib --tag v1 --message "the second"

"$granary" key rotate "$repo" root --root-keys "$work/keys/root" >/dev/null

rm -r "$tree/usr/share/doc/09" "$tree/links/far/away/three"
ln "$tree/etc/empty" "$tree/links/far/away/empty"
touch -d @1700000002 "$tree/usr/share/doc" "$tree/links/far/away"
publish "$tree" --compression none --message "the third"

mkdir -p "$work/dev/usr"
cp -a "$tree/etc" "$work/dev/"
cp -a "$tree/usr/share" "$work/dev/usr/"
touch -d @1700000003 "$work/dev/usr" "$work/dev"
publish "$work/dev" --branch dev --message "another branch, much the same content"

rm -r "$repo/.granary"  # the publisher's own
{
  for which in "--branch main" "--tag v1" "--branch dev"; do
    echo "== $which $($reader digest "$repo" --trust "$dir/trust.json" $which)"
    $reader list "$repo" --trust "$dir/trust.json" $which
  done
} >"$dir/expected.txt"
du -sb "$dir/repo"
