#!/usr/bin/python3
"""Makes the first inputs of the fuzz corpus, from the format's test vectors and from a small repository.

  make_seeds.py    writes into corpus/; run again after vectors were added

A fuzzer's crash becomes one more file there by hand, named after what was wrong.
"""
import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import struct
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TESTS, "independent"))
sys.dont_write_bytecode = True
import granary_reader  # noqa: E402


def seed(target, content):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha256(content).hexdigest()[:12]), "wb") as out:
        out.write(content)


def from_vectors():
    with open(os.path.join(TESTS, "format/vectors.json")) as file:
        vectors = json.load(file)
    for case in vectors["objects"] + vectors["bad_objects"]:
        if len(case["file"]) < 20_000:
            seed("object", bytes.fromhex(case["file"]))
    for case in vectors["slice_lists"] + vectors["bad_slice_lists"]:
        seed("slices", struct.pack("<Q", case["size"]) + bytes.fromhex(case["encoded"]))
    for case in vectors["xattr_lists"] + vectors["bad_xattr_lists"]:
        if len(case["encoded"]) < 20_000:
            seed("xattrs", bytes.fromhex(case["encoded"]))
    seed("envelope", vectors["signed"]["envelope"].encode())
    seed("timestamp", vectors["signed"]["payload"].encode())


def patches(*list_of):
    """An input of catalog_fuzz: where, and what stands there from now on."""
    return b"".join(struct.pack("<IB", offset, len(new)) + new for offset, new in list_of)


def for_pins():
    def text(value):
        return struct.pack("<I", len(value)) + value

    def pin(path, *contents, count=None):
        head = b"GRNPIN1\n" + text(b"6b0e2a3c-0000-4000-8000-000000000001") + text(path)
        head += hashlib.sha256(b"snapshot").digest()
        head += struct.pack("<qQ", 1790000000, len(contents) if count is None else count)
        return head + b"".join(hashlib.sha256(each).digest() + struct.pack("<Q", len(each)) for each in contents)

    for body in (pin(b""), pin(b"usr/lib", b"hello", b"world"), pin(b"usr", b"hello", count=2**63)):
        seed("pin", body)
        seed("pin", body + hashlib.sha256(body).digest())


def for_kept_memory():
    def copy(number, content):
        head = struct.pack("<QQ", number, len(content))
        return head + hashlib.sha256(head + content).digest() + content

    for one, two in ((copy(2, b"even"), copy(1, b"odd")), (b"", copy(1, b"{}")), (copy(2, b"cut off")[:-1], copy(3, b"whole")), (b"", b"")):
        size = max(len(one), len(two))
        seed("kept_memory", one.ljust(size, b"\0") + two.ljust(size, b"\0"))


def for_workers():
    """What one worker of a mount leaves to the next: requests, and the snapshot it shows."""
    def request(opcode, unique, size=40):
        return struct.pack("<IIQQIIIHH", size, opcode, unique, 1, 0, 0, 0, 0, 0)

    init = request(26, 2, 104) + struct.pack("<IIIII", 7, 45, 131072, 1 << 30, 1 << 7) + bytes(44)
    slots = b"".join(each.ljust(8256, b"\0") for each in (request(15, 4), b"", request(36, 5), request(1, 6, 50) + b"name\0"))
    seed("request_table", (struct.pack("<II", len(init), 4) + init).ljust(4096, b"\0") + slots)
    seed("request_table", struct.pack("<II", 4000000000, 4000000000))
    kind = b"granary kept snapshot 1"
    seed("kept_snapshot", struct.pack("<I", len(kind)) + kind + struct.pack("<I", 2) + b"id")
    kind = b"granary served snapshots 1"
    seed("kept_snapshots", struct.pack("<I", len(kind)) + kind + struct.pack("<I", 4) + b"main" + b"\0" + struct.pack("<I", 0))


def for_tars():
    def tar(format, *members):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=format) as archive:
            for name, type, content, pax in members:
                member = tarfile.TarInfo(name)
                member.type, member.size, member.pax_headers = type, len(content), pax
                member.linkname = "a" if type in (tarfile.LNKTYPE, tarfile.SYMTYPE) else ""
                member.mtime = -1.5 if pax else 1
                archive.addfile(member, io.BytesIO(content))
        blocks = len(out.getvalue().rstrip(b"\0")) // 512 + 1
        return out.getvalue()[: blocks * 512 + 1024]

    acl = {"SCHILY.acl.access": "user::rw-,user:1000:r--,group::r--,mask::r--,other::---"}
    file, folder, link, symlink = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE
    for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        seed("tar", tar(format, ("./", folder, b"", {}), ("a", file, b"hello", {}), ("d/b", link, b"", {}), ("c", symlink, b"", {})))
        seed("tar", tar(format, ("a", file, b"1", {}), ("a", folder, b"", {}), ("a/x", file, b"2", {}), ("a", file, b"3", {})))
    seed("tar", tar(tarfile.PAX_FORMAT, ("a", file, b"x", {"SCHILY.xattr.user.note": "n", **acl})))
    seed("tar", tar(tarfile.PAX_FORMAT, ("n" * 200, file, b"long", {"mtime": "-76.876543211"})))
    seed("tar", tar(tarfile.GNU_FORMAT, ("n" * 200, file, b"long", {}), ("null", tarfile.CHRTYPE, b"", {})))
    seed("tar", tar(tarfile.PAX_FORMAT, ("../up", file, b"", {}), ("/root", file, b"", {}), ("b", link, b"", {})))
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": "300000"}
    seed("tar", tar(tarfile.PAX_FORMAT, ("GNUSparseFile.0/s", file, b"1\n200000\n5\n".ljust(512, b"\0") + b"hello", sparse)))


def for_large_files():
    for script in (b"", b"\1\7\xff\xff" * 9, b"\0\0\0\x40" b"\1\1\0\x10" b"\2\0\0\xf0" b"\xc1\3\1\xff" * 3,
                   b"\1\5\xff\xff" b"\0\0\xff\xff" b"\0\0\1\0" b"\xc1\2\3\xff", b"\1\1\1\0\2\0\0\1" * 20):
        seed("large_file", script)


def for_catalogs():
    page = 16384
    digest = hashlib.sha256(b"a").digest()
    header = struct.pack("<II", page, 4)
    seed("catalog_index", b"GRNI\1\0\0\0" + struct.pack("<I", 2) + digest + digest)
    seed("catalog_index", b"GRNC\1\1\0\0" + header + struct.pack("<QI", 3, 1) + digest + struct.pack("<I", 0))
    seed("catalog_index", b"GRNC\1\2\0\0" + header + struct.pack("<QI", 2053, 2) + digest * 2 + struct.pack("<I", 0))
    seed("catalog", b"")
    for offset, new in [(16, b"\x10\0"), (96, b"\0" * 30), (page - 200, b"X" * 20), (page - 30, b"\2\2\2")]:
        seed("catalog", patches((offset, new)))
    for number in range(1, 9):  # type, number of cells, first pointers and last bytes of every page
        for offset, new in [(0, b"\5"), (3, b"\xff\xff"), (8, b"\0\0\0\2" * 3), (page - 31, b"\x7f" * 31)]:
            seed("catalog", patches((number * page + offset, new)))


def for_profiles():
    one, two = (hashlib.sha256(name).digest() for name in (b"a", b"b"))
    seed("profile_plan", b"GRNP\1\0\0\0" + struct.pack("<I", 0))
    seed("profile_plan", b"GRNP\1\0\0\0" + struct.pack("<I32sI32sI", 2, one, 1, two, 1 << 24))
    seed("profile_plan", b"GRNP\1\0\0\0" + struct.pack("<I32sI32sI", 2, one, 1, one, 1))
    common = {"format": 1, "repository": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "snapshot": one.hex(), "time": "2026-11-21T08:00:00Z"}
    entries = [{"directory": ""}, {"directory": "usr/l%FF%25b"}, {"file": "usr/bin/seed", "content": two.hex(), "ranges": [[0, 2], [2, 1], [9, 2**63 - 10]]},
               {"file": "empty%0A", "content": two.hex(), "ranges": []}]
    for some in ([], entries):
        seed("profile_trace", canonical({**common, "granary": "trace", "entries": some}))
    seed("profile_note", canonical({**common, "granary": "note", "kind": "profile", "name": "boot", "base": two.hex(), "plan": one.hex(),
                                    "trace": two.hex(), "objects": 2, "bytes": 5}))


def for_configurations():
    seed("configuration", b"# all\n[defaults]\nquota = 20G\nallow_other = yes\noptions = suid,nodev,trust=/a\\,b\n\n[repository debian]\nurl = https://joe:secret@h/x\n"
                          b"mount_point = /sw\nautomount = no\ntag=v1\n[repository a.b_c-d]\r\n\tprofile_limit\t=\t1M\r\n")
    seed("configuration", b"quota = 1\n[defaults\n[repository a/b]\nx\n[repository a]\nqouta=1\nurl=x\noptions=config=/etc,quota=\narchive=perhaps\nca=rel\nbranch=a\nbranch=b")


def for_recipes():
    seed("recipe", b"""name = "r"
description = "d"
suite = "bookworm"
architecture = "amd64"
recommends = true
packages = ["bash", "python3 (>= 3.11)"]
groups = ["priority:standard"]
tasks = ["ssh-server"]
exclude = ["vim"]
locale = "C.UTF-8"
timezone = "Etc/UTC"
hostname = "h"
[pins]
bash = "5*"
[[archive]]
name = "debian"
suite = "{suite}-updates"
components = ["main"]
keyring_base64 = "mQE="
[[file]]
path = "/etc/motd"
content = '''
"hi"\\
'''
mode = "0644"
owner = "root"
[[file]]
path = "/a"
content_base64 = "AAE="
[[file]]
path = "/b"
symlink = "a"
[[file]]
path = "/c"
directory = true
[[user]]
name = "ada"
uid = 1000
groups = ["sudo"]
ssh_keys = ["ssh-ed25519 AAAA"]
[[group]]
name = "crew"
gid = 7
[[hook]]
script = "true"
[[test]]
command = "true"
timeout = "5m"
[boot]
modules = ["ext4", "virtio"]
[debconf]
"tzdata tzdata/Areas" = "select Etc"
""")
    seed("recipe", b"suite = 7\npakages = [1]\n[[file]]\npath = \"x\"\n[[user]]\nname = \"A\"\n[file]\n")
    seed("recipe", b"suite = \"a\"\n[[overlay]]\nsource = \"x\"\n[[hook]]\nfile = \"y\"\n[[file]]\npath = \"/a\"\nsource = \"z\"\n")


def for_locks():
    zeros = "0" * 64
    digest = hashlib.sha256(b"{}").hexdigest()
    lock = """{"granary": "lock", "format": 1, "architecture": "amd64", "source_date_epoch": 7, "solver": "s",
"skipped_newer": 0, "package_count": 1, "recipe_digest": "%s", "recipe": {},
"releases": [{"archive": "debian", "suite": "bookworm", "codename": "bookworm", "date": "2026-11-21T08:00:00Z",
"valid_until": "2026-11-22T08:00:00Z", "inrelease": "%s", "signers": ["AB"]}],
"indices": [{"release": 0, "path": "main/binary-amd64/Packages.xz", "size": 1, "sha256": "%s"}],
"layers": ["core"],
"accounts": [{"group": "g", "id": 101, "package": "cron"},
{"user": "u", "id": 101, "gid": 101, "home": "/", "shell": "/bin/sh", "comment": "", "package": "cron"}],
"packages": [{"name": "bash", "version": "5.2-1", "architecture": "amd64", "path": "pool/b/bash.deb", "size": 1,
"sha256": "%s", "index": 0, "layer": 0}]}""" % (digest, zeros, zeros, zeros)
    seed("lock", lock.encode())
    seed("lock", lock.replace('"index": 0', '"index": 1').encode())
    seed("lock", lock.replace('{},', '{"suite": "bookworm"},').encode())


def for_identities():
    seed("identity_map", b"# all\n1000 2000\n3000-3999 10000\r\nnobody: 5\n* nobody\n")
    seed("identity_map", b"1:2;3-4:5,*:6")
    seed("identity_map", b"1-5 9;3 4")
    acl = [(1, 7, 2**32 - 1), (2, 6, 1), (2, 5, 3), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1), (32, 0, 2**32 - 1)]
    seed("identity_map", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in acl))
def for_seeing():
    def trace(*records, capacity=4, begun=None):
        header = b"GRNTRACE" + struct.pack("<IIQQqI", 1, 96, capacity, len(records) if begun is None else begun, 5, 77)
        header = (header + struct.pack("<I", 4) + b"/mnt").ljust(4096, b"\0")
        return header + b"".join(records).ljust(capacity * 96, b"\0")

    def record(number, name=b"passwd", operation=0):
        return struct.pack("<QqQQQIiIBBBB", number, 1, 2, 3, 4, 5, -2, 6, operation, 1, len(name), 0) + name.ljust(40, b"\0")

    seed("operation_trace", trace())
    seed("operation_trace", trace(record(1), record(2, b""), record(0), record(4, b"x" * 40, 5)))
    seed("operation_trace", trace(record(5), record(2), record(3), record(4), begun=5))
    seed("operation_trace", trace(record(1, operation=99), begun=1 << 60))
    seed("metrics", b"# HELP a A.\n# TYPE a counter\na{m=\"1\"} 1\n# HELP b B.\nb 2\n# HELP a A.\na 3\n")
    seed("metrics", b"# HELP \n# TYPE\n\na 1\n")


def canonical(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def payload(envelope):
    return base64.b64decode(envelope["payload"])


def from_repository():
    with tempfile.TemporaryDirectory() as work:
        tree, repository, trust = (os.path.join(work, name) for name in ("tree", "repository", "trust"))
        os.makedirs(os.path.join(tree, "folder"))
        with open(os.path.join(tree, "folder/seed"), "w") as out:
            out.write("wheat\n")
        subprocess.run([sys.executable, "-B", os.path.join(TESTS, "independent/make_repo.py"), tree, repository, trust],
                       check=True, stdout=subprocess.DEVNULL)
        with open(trust, "rb") as file:
            seed("trust_file", file.read())
        for folder, _, names in os.walk(repository):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    from_file(os.path.relpath(folder, repository), file.read())


def from_file(folder, content):
    if folder.startswith("objects"):
        if len(content) < 8_000:
            seed("object", content)
        plain = granary_reader.decode_object(content, "a seed")
        if b'"granary":"snapshot"' in plain:
            seed("snapshot", plain)
    elif content.startswith(b"{"):
        seed("json", content)
        document = json.loads(content)
        if document.get("granary") == "head":
            seed("head_bundle", content)
            seed("timestamp", payload(document["timestamp"]))
        elif "payload" in document:
            seed("envelope", content)
            inner = json.loads(payload(document))
            seed(inner["granary"], payload(document))
            for branch in inner.get("branches", {}).values():
                seed("statement", payload(branch))


def for_debs():
    def part(name, content):
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{0o100644:<8o}{len(content):<10}`\n".encode()
        return header + content + b"\n" * (len(content) % 2)

    def archive(mode, *members):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=f"w:{mode}", format=tarfile.GNU_FORMAT) as tar:
            for name, kind, content in members:
                member = tarfile.TarInfo(name)
                member.type = kind
                if kind == tarfile.REGTYPE:
                    member.size = len(content)
                else:
                    member.linkname = content
                tar.addfile(member, io.BytesIO(content) if kind == tarfile.REGTYPE else None)
        return out.getvalue()

    control = [("./control", tarfile.REGTYPE, b"Package: a\nVersion: 1\nArchitecture: all\n"),
               ("./preinst", tarfile.REGTYPE, b"#!/bin/sh\n")]
    data = [("./", tarfile.DIRTYPE, ""), ("./usr/", tarfile.DIRTYPE, ""), ("./usr/a", tarfile.REGTYPE, b"a file"),
            ("./usr/b", tarfile.LNKTYPE, "./usr/a"), ("./usr/c", tarfile.SYMTYPE, "a")]
    evil = [("../a", tarfile.REGTYPE, b"x"), ("/etc/passwd", tarfile.REGTYPE, b"x")]
    for mode in ("", "gz", "xz"):
        end = ".tar" + ("." + mode if mode else "")
        for members in (data, evil):
            seed("deb_file", b"!<arch>\n" + part("debian-binary", b"2.0\n") + part("control" + end, archive(mode, *control))
                 + part("data" + end, archive(mode, *members)))


def for_archives():
    """Indices, releases, apt's sources and relations, as archives write them."""
    def package(name, version, *fields):
        lines = [f"Package: {name}", f"Version: {version}", "Architecture: amd64", *fields,
                 f"Filename: pool/{name}.deb", "Size: 1", "SHA256: " + "ab" * 32]
        return "\n".join(lines) + "\n\n"

    index = package("a", "1:2.0-1", "Essential: yes", "Pre-Depends: b (>= 1)", "Depends: c | d, v (= 2)", "Recommends: e")
    index += package("b", "1.5~rc1", "Multi-Arch: allowed", "Conflicts: d") + package("b", "1.4", "Breaks: a (<< 1:2)")
    index += package("c", "1", "Provides: v (= 2), w") + package("d", "1", "Depends: b:any", "Task: web, ssh-server")
    seed("packages_index", index.encode())
    seed("packages_index", package("a", "1", "Depends: a, b", "Conflicts: v", "Provides: v").encode())
    for compress in (lambda text: gzip.compress(text, mtime=0), lzma.compress, bz2.compress):
        seed("index_file", compress(index.encode()))
    seed("index_file", gzip.compress(b"x" * 100_000, mtime=0))
    seed("index_file", index.encode())
    digest = "cd" * 32
    release = ("Origin: Debian\nLabel: Debian\nSuite: stable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n"
               "Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\nArchitectures: all amd64\n"
               "No-Support-for-Architecture-all: Packages\nComponents: main contrib\nDescription: Debian\nMD5Sum:\n 00 1 x\n"
               f"SHA256:\n {digest} 17 main/binary-amd64/Packages\n {digest}  9 main/binary-amd64/Packages.xz\n")
    seed("release", release.encode())
    seed("release", release.replace("main/", "../").encode())
    seed("apt_sources", b"# a\ndeb [arch=amd64 signed-by=/k.gpg,/l.asc] http://deb.example.org/debian bookworm main # b\n"
                        b"deb-src http://deb.example.org/debian bookworm main\ndeb file:/srv ./\ndeb cdrom:[x]/ y z\n")
    seed("apt_sources", b"Types: deb deb-src\nURIs: http://a.example.org/ file:/b\nSuites: x y\nComponents: main\n# c\n"
                        b"Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQAB\n =abcd\n"
                        b" -----END PGP PUBLIC KEY BLOCK-----\n\nTypes: deb\nEnabled: no\nSuites: z\n")
    seed("apt_sources", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\nmQAB\n-----END PGP PUBLIC KEY BLOCK-----\n")
    seed("relation", b"libc6 (>= 2.36), python3:any, a (<<1)|b( = 2~rc-1 ) | c:amd64 (>1:0),\n d")
    seed("relation", b"a (= 1), b (")


def for_booting():
    def entry(type, start, count):
        return bytes([0, 0xFE, 0xFF, 0xFF, type, 0xFE, 0xFF, 0xFF]) + struct.pack("<II", start, count)

    def mbr(*entries):
        return b"\0" * 446 + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"

    seed("partition_table", mbr(entry(0x0E, 2048, 40960), entry(0x83, 43008, 4096)).ljust(34 * 512, b"\0"))
    linux = bytes.fromhex("af3dc60f838472478e793d69d8477de4")
    header = b"EFI PART".ljust(72, b"\0") + struct.pack("<QII", 2, 128, 128)
    partition = linux + b"u" * 16 + struct.pack("<QQ", 2048, 4096)
    gpt = mbr(entry(0xEE, 1, 0xFFFFFFFF)) + header.ljust(512, b"\0") + partition
    seed("partition_table", gpt.ljust(34 * 512, b"\0"))
    ext4 = bytearray(2048)
    ext4[1024 + 4:1024 + 8] = struct.pack("<I", 32768)
    ext4[1024 + 24:1024 + 28] = struct.pack("<I", 2)
    ext4[1024 + 56:1024 + 58] = b"\x53\xef"
    ext4[1024 + 120:1024 + 135] = b"granary-scratch"
    seed("file_system", bytes(ext4))
    seed("file_system", b"\xeb\x3c\x90".ljust(43, b"\0") + b"GRANARY    FAT16   ".ljust(467, b"\0") + b"\x55\xaa")
    pin = {"asked": "5f0c branch main", "pinned": "ab" * 32, "previous": "", "trial": "cd" * 32, "failed": "",
           "tries_left": 1, "last_failure": ""}
    seed("boot_pin", json.dumps(pin).encode())
    seed("boot_pin", json.dumps({"snapshot": "ab", "addresses": ["eth0 192.0.2.7/24"], "lasting": True}).encode())
    seed("boot_settings", b'quiet granary.repository="http://a.example.org http://b.example.org" ip=dhcp '
                          b"ds=nocloud;s=http://192.0.2.1/ cvmfs_server=http://s.example.org granary.retries=7 -- x")
    seed("boot_settings", b"repository = http://a.example.org/os\n# c\nrescue\nscratch_size = 2G\n")
    seed("boot_settings", b"UUID=1-2 / ext4 defaults 0 1\n/dev/sda2 none swap sw\nproc /proc proc defaults 0 0\n")
    seed("boot_settings", b"36 35 98:0 / /a\\040b rw,noatime shared:1 - ext4 /dev/vda rw\n")


def for_contexts():
    """The micro image: what clouds and users say to a machine."""
    section = b"[granary]\n# which\nbranch = testing\nproxy = \"http://p.example.org:3128;DIRECT\"\nverbose\n[other]\nx=1\n"
    block = (b"[ucernvm-begin]\nresize_rootfs=off\ncvmfs_http_proxy=DIRECT\ncvmfs_branch=cernvm-prod.cern.ch\n"
             b"cvmfs_tag=HEAD\ncvmfs_server=http://a.example.org/os\ncernvm_path=cvm4\ncvmfs_pac_urls=x\n[ucernvm-end]\n")
    cloud = b"#cloud-config\n# [granary]\n# branch = testing\nusers: []\n"
    parts = (b"Content-Type: multipart/mixed; boundary=\"==1==\"\nMIME-Version: 1.0\n\npreamble\n--==1==\n"
             b"Content-Type: text/cloud-config; charset=\"utf-8\"\nContent-Transfer-Encoding: 7bit\n\n" + cloud +
             b"\n--==1==\nContent-Type: text/x-granary\nContent-Transfer-Encoding: base64\n\n" +
             base64.encodebytes(section) + b"\n--==1==\nContent-Transfer-Encoding: quoted-printable\n\n[granary]\n"
             b"path =3D /a=\n/b\n--==1==\nContent-Type: multipart/mixed;\n boundary=in\n\n--in\n\n" + block +
             b"--in--\n--==1==--\n")
    for text in [section, block, cloud, b"#!/bin/sh\nexit\n" + section, parts, b"From x\n" + parts.replace(b"\n", b"\r\n")]:
        seed("user_data", text)
        seed("user_data", gzip.compress(text, mtime=0))
        seed("mime", text)
    seed("user_data", gzip.compress(bytes(9 << 20), mtime=0))
    seed("context_script", b"# Context\nETH0_DNS='192.0.2.53 192.0.2.54'\nETH0_GATEWAY='192.0.2.1'\nETH0_IP='192.0.2.7'\n"
         b"ETH0_IP6='2001:db8::7'\nETH0_MAC='02:00:C0:00:02:07'\nETH0_MASK='255.255.255.0'\nETH0_MTU='1400'\n"
         b"ETH0_ROUTES='10.0.0.0/8 via 192.0.2.9'\nETH1_METHOD='dhcp'\nETH1_MAC='02:00:c0:00:02:08'\n"
         b"SET_HOSTNAME=\"gr\\\"ain\"\nSSH_PUBLIC_KEY='ssh-rsa A it'\\''s'\nUSER_DATA='" + base64.b64encode(section) +
         b"'\nUSER_DATA_ENCODING='base64'\nexport VMID=42; X=$(id) Y=`id`\nGATEWAY_IFACE=0\n")
    seed("context_script", b"VM_CONTEXT_UUID=0123\nEC2_USER_DATA=" + base64.b64encode(block) + b"\nROOT_PUBKEY=c3NoLXJzYSBBQUFB\n")
    seed("network_data", json.dumps({
        "links": [{"id": "a", "type": "ovs", "ethernet_mac_address": "FA:16:3e:05:30:fe", "mtu": 1442}],
        "networks": [{"type": "ipv4", "link": "a", "ip_address": "10.0.0.5", "netmask": "255.255.255.0",
                      "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"}],
                      "services": [{"type": "dns", "address": "10.0.0.53"}]},
                     {"type": "ipv6", "link": "a", "ip_address": "2001:db8::5", "netmask": "ffff:ffff:ffff:ffff::",
                      "gateway": "2001:db8::1"}, {"type": "ipv4_dhcp", "link": "a"}],
        "services": [{"type": "dns", "address": "8.8.8.8"}]}).encode())
    seed("network_config", b"version: 1\nconfig:\n  - type: physical\n    name: eth0\n    mac_address: \"52:54:00:12:34:AB\"\n"
         b"    mtu: 1450\n    subnets:\n      - type: static\n        address: 192.0.2.7\n        netmask: 255.255.255.0\n"
         b"        gateway: 192.0.2.1\n        dns_nameservers: [192.0.2.53, 8.8.8.8]\n        routes:\n        - network: 10.0.0.0\n"
         b"          netmask: 255.0.0.0\n          gateway: 192.0.2.9\n  - type: nameserver\n    address:\n    - 192.0.2.54\n")
    seed("network_config", b"---\nnetwork:\n  version: 2\n  ethernets:\n    id0: # first\n      match: {macaddress: '00:11:22:33:44:55'}\n"
         b"      addresses: [192.0.2.2/24, \"2001:db8::2/64\"]\n      gateway4: 192.0.2.1\n      routes:\n        - to: default\n"
         b"          via: 2001:db8::1\n      nameservers: {search: [example.org], addresses: [8.8.8.8]}\n    ens3: {dhcp4: true}\n")
    seed("network_config", b"instance-id: iid\nlocal-hostname: grain\npublic-keys: |\n  ssh-rsa A me\n\n  ssh-rsa B\nx: ~\n"
         b"y: 'it''s'\nz: \"a\\n\"\n- - a\n")
    seed("ip_parameter", b"192.0.2.7::192.0.2.1:255.255.255.0:grain:eth0:off:192.0.2.53:192.0.2.54:192.0.2.123\ndhcp\n"
         b"eth1:dhcp\n[2001:db8::7]::[2001:db8::1]:64::eth0:none\n:::::eth2:dhcp\noff\nauto6\n")
    lease = {"interface": "eth0", "ip": "192.0.2.7", "subnet": "255.255.255.0", "router": "192.0.2.1 192.0.2.2", "mtu": "1400",
             "staticroutes": "10.128.0.1/32 0.0.0.0 0.0.0.0/0 10.128.0.1", "dns": "192.0.2.53", "domain": "example.org",
             "search": "a.example.org b", "ntpsrv": "192.0.2.123", "hostname": "grain", "serverid": "192.0.2.1", "lease": "60"}
    lies = dict(lease, dns="192.0.2.53\nnameserver 203.0.113.66", hostname="$(reboot)", mtu="9" * 40, ntpsrv="'")
    six = {"interface": "eth0", "ipv6": "2001:db8::7/128", "dns": "2001:db8::53", "search": "bad"}
    for one in [lease, lies, six]:
        seed("lease", b"\0".join(f"{name}={value}".encode() for name, value in one.items()))
    seed("lease", json.dumps({"device": "eth0", "address": "192.0.2.7/24", "routers": ["192.0.2.1"], "mtu": 1400, "dns": ["::1"],
                              "routes": [{"to": "0.0.0.0/0", "by": "192.0.2.1"}], "search": ["a"], "refused": ["x"]}).encode())
    seed("saved_context", json.dumps({
        "version": 1, "source": "NoCloud (/dev/vdb)", "instance_id": "i", "hostname": "grain", "ssh_keys": ["ssh-rsa A"],
        "network": {"links": [{"mac": "52:54:00:12:34:56", "dhcp": True, "addresses": ["192.0.2.7/24"], "mtu": 1400,
                               "routes": [{"to": "10.0.0.0/8", "by": "192.0.2.1"}]}], "dns": ["192.0.2.53"]},
        "user_data": base64.b64encode(section).decode(), "complaints": ["c"],
        "sayings": [{"name": "branch", "value": "testing", "origin": "o", "by": 2}]}).encode())
    answer = struct.pack(">BBbb11I", 0x24, 2, 6, -20, 0, 0, 0x7f000001, 1, 2, 1, 2, 3, 4, 4003988800, 5)
    seed("sntp", struct.pack("<Q", 1 << 32 | 2) + answer)
    seed("sntp", struct.pack("<Q", 1 << 32 | 2) + answer[:1] + b"\0" + answer[2:])
    servers = struct.pack(">BBHI", 25, 3, 0, 600) + bytes.fromhex("20010db8000000000000000000000053")
    domains = struct.pack(">BBHI", 31, 3, 0, 600) + b"\x03lab\x07example\0" + bytes(3)
    seed("router_names", servers + domains)
    seed("router_names", domains[:4] + bytes(4) + domains[8:])
    iso = bytearray(34816)
    iso[32768:32774] = b"\x01CD001"
    iso[32808:32814] = b"cidata"
    fat = bytearray(8192)
    fat[510:512], fat[54:62], fat[43:54] = b"\x55\xaa", b"FAT16   ", b"NO NAME    "
    fat[12], fat[14], fat[16], fat[17], fat[22] = 2, 1, 2, 16, 4
    fat[4608:4620] = b"CONFIG-2   \x08"
    ext4 = bytearray(2048)
    ext4[1080:1082], ext4[1144:1148] = b"\x53\xef", b"data"
    for volume in [iso, fat, ext4]:
        seed("volume", bytes(volume))


if __name__ == "__main__":
    from_vectors()
    for_catalogs()
    for_pins()
    for_kept_memory()
    for_workers()
    for_tars()
    for_debs()
    for_large_files()
    for_profiles()
    for_configurations()
    for_recipes()
    for_locks()
    for_archives()
    for_identities()
    for_seeing()
    for_booting()
    for_contexts()
    from_repository()
