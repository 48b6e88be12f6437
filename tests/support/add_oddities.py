#!/usr/bin/python3
"""Adds to a tree, under srv/oddities, one of every entry that is easily lost on the way.

  add_oddities.py TREE            everything but sockets
  add_oddities.py --sockets TREE  the sockets, which no tar can carry

setuid, setgid and sticky modes, file capabilities, POSIX ACLs, user xattrs, hard links (also across
directories), device nodes, fifos, sparse files, an empty file, long and unprintable names, dangling and
long symlinks, large numeric owners, times in nanoseconds and before 1970. Needs root.
"""
import os
import random
import socket
import stat
import struct
import sys

TIME_NS = 1_700_000_000_123_456_789


def write(path, data=b"", mode=0o644):
    with open(path, "wb") as out:
        out.write(data)
    os.chmod(path, mode)


def acl(*entries):
    """The kernel's encoding of an ACL: entries of (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def capability(permitted, effective=True):
    """The kernel's encoding of file capabilities, revision 2."""
    return struct.pack("<IIIII", 0x02000000 | effective, permitted & 0xFFFFFFFF, 0, permitted >> 32, 0)


def add_entries(root):
    def at(name):
        return os.path.join(root, os.fsencode(name))

    for name in ["modes", "links", "links/far", "devices", "sparse", "xattrs", "names", "times", "empty-directory"]:
        os.makedirs(at(name), exist_ok=True)

    write(at("modes/setuid"), b"#!/bin/sh\nid\n", 0o4755)
    write(at("modes/setgid"), b"#!/bin/sh\nid\n", 0o2755)
    write(at("modes/nobody-may"), b"secret\n", 0o000)
    write(at("modes/empty"))
    os.mkdir(at("modes/sticky"))
    os.chmod(at("modes/sticky"), 0o1777)
    write(at("modes/owned"), b"owned by nobody we know\n")
    os.chown(at("modes/owned"), 4_000_000_001, 3_999_999_999)

    write(at("links/one"), b"one content, three names\n")
    os.link(at("links/one"), at("links/two"))
    os.link(at("links/one"), at("links/far/three"))
    os.symlink("one", at("links/relative"))
    os.symlink("/nowhere/at/all", at("links/dangling"))
    os.symlink("x" * 4000, at("links/long"))
    os.mkfifo(at("links/fifo"))
    os.link(at("links/fifo"), at("links/far/fifo"))

    os.mknod(at("devices/null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(at("devices/disk"), stat.S_IFBLK | 0o660, os.makedev(259, 70_000))
    os.mkfifo(at("devices/fifo"), 0o640)
    os.chown(at("devices/disk"), 0, 6)

    with open(at("sparse/holes"), "wb") as out:
        for offset in [0, 1 << 20, 5 << 20]:
            out.seek(offset)
            out.write(b"island")
        out.truncate(64 << 20)
    with open(at("sparse/only-a-hole"), "wb") as out:
        out.truncate(3 << 20)
    noise = random.Random(1)
    write(at("sparse/noise"), noise.randbytes((3 << 20) + 17))  # large enough to be cut into chunks

    write(at("xattrs/capable"), b"#!/bin/true\n", 0o755)
    os.setxattr(at("xattrs/capable"), "security.capability", capability(1 << 13 | 1 << 10))
    write(at("xattrs/user"), b"described\n")
    os.setxattr(at("xattrs/user"), "user.comment", b"plain text")
    os.setxattr(at("xattrs/user"), "user.binary", bytes(range(256)))
    os.setxattr(at("xattrs/user"), "user.empty", b"")
    write(at("xattrs/acl"), b"for some\n", 0o640)
    os.setxattr(at("xattrs/acl"), "system.posix_acl_access",
                acl((1, 6, 0xFFFFFFFF), (2, 7, 1234), (4, 4, 0xFFFFFFFF), (0x10, 7, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)))
    os.mkdir(at("xattrs/acl-directory"))
    os.setxattr(at("xattrs/acl-directory"), "system.posix_acl_default",
                acl((1, 7, 0xFFFFFFFF), (4, 5, 0xFFFFFFFF), (8, 5, 55), (0x10, 5, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)))

    write(at("names/" + "n" * 255), b"long\n")
    write(at("names/with space and\nnewline"), b"newline\n")
    write(at(b"names/not-utf8-\xff\xfe"), b"bytes\n")
    write(at("names/-rf"), b"dash\n")
    write(at("names/grün"), b"utf-8\n")
    write(at("names/back\\slash"), b"backslash\n")

    write(at("times/before-1970"), b"old\n")
    write(at("times/after-2038"), b"young\n")
    return {at("times/before-1970"): -1_000_000_001, at("times/after-2038"): 4_102_444_800_987_654_321}


def add_sockets(root):
    here = os.getcwd()
    os.chdir(os.path.join(root, b"devices"))  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    os.chmod("socket", 0o755)
    os.chdir(here)


def settle_times(root, special):
    """Every time is the same in every making of the tree, directories last."""
    for path, directories, files in os.walk(root, topdown=False):
        for name in files + directories:
            entry = os.path.join(path, name)
            when = special.get(entry, TIME_NS)
            os.utime(entry, ns=(when, when), follow_symlinks=False)
    os.utime(root, ns=(TIME_NS, TIME_NS))


def main(args):
    sockets = args[:1] == ["--sockets"]
    if len(args) != 1 + sockets or args[-1].startswith("-"):
        sys.exit(__doc__)
    os.umask(0o022)
    root = os.path.join(os.fsencode(args[-1]), b"srv", b"oddities")
    if sockets:
        add_sockets(root)
        for path in [b"devices/socket", b"devices"]:
            os.utime(os.path.join(root, path), ns=(TIME_NS, TIME_NS))
        return
    os.makedirs(root)
    settle_times(root, add_entries(root))


if __name__ == "__main__":
    main(sys.argv[1:])
