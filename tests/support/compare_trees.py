#!/usr/bin/python3
"""Compares two directory trees entry by entry and byte by byte.

  compare_trees.py [--ignore WHAT,...] [--holes] SOURCE COPY

Compared: names, types, mode, owner, group, size, mtime in nanoseconds, symlink targets, device numbers,
extended attributes (user.granary.* are ours and left out), hard-link groups, and every byte of every file;
with --holes also where the holes of sparse files are. --ignore leaves out any of: mode owner mtime xattrs
links bytes sockets. Run as root, or files that only root may read are differences.
Exit status: 0 the same, 1 different (the first forty differences are printed), 2 wrong usage.
"""
import argparse
import os
import stat
import sys

OURS = "user.granary."
SHOWN = 40


def entries(top):
    """Every path under `top`, relative, in byte order, directories before what they hold."""
    pending = [b""]
    while pending:
        path = pending.pop()
        yield path
        full = os.path.join(top, path)
        if stat.S_ISDIR(os.lstat(full).st_mode):
            pending += [os.path.join(path, name) for name in sorted(os.listdir(full), reverse=True)]


def xattrs(path):
    names = [name for name in os.listxattr(path, follow_symlinks=False) if not name.startswith(OURS)]
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}


def first_difference(one, two):
    """The offset of the first byte in which two files differ, or None."""
    offset = 0
    with open(one, "rb", buffering=0) as left, open(two, "rb", buffering=0) as right:
        while True:
            a, b = read_full(left), read_full(right)
            if a != b:
                same = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                return offset + same
            if not a:
                return None
            offset += len(a)


def read_full(file, size=1 << 20):
    block = file.read(size)
    while block and len(block) < size:
        more = file.read(size - len(block))
        if not more:
            break
        block += more
    return block


def islands(path):
    """Where a file has data: [(start, end), ...]."""
    found, end = [], 0
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        while end < size:
            try:
                start = os.lseek(descriptor, end, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
            found.append((start, end))
    finally:
        os.close(descriptor)
    return found


class Comparison:
    def __init__(self, source, copy, ignore, holes):
        self.source, self.copy, self.ignore, self.holes = source, copy, ignore, holes
        self.differences = 0
        self.compared = 0
        self.bytes = 0
        self.groups = ({}, {})  # (device, inode) to the paths of one hard-link group, for each side

    def differ(self, path, what):
        self.differences += 1
        if self.differences <= SHOWN:
            print(f"differs: {os.fsdecode(path) or '.'}: {what}".encode("utf-8", "surrogateescape")
                  .decode("utf-8", "backslashreplace"))

    def wanted(self, what):
        return what not in self.ignore

    def run(self):
        left, right = set(entries(self.source)), set(entries(self.copy))
        for path in sorted(left - right):
            if not self.is_ignored_socket(path):
                self.differ(path, "missing from the copy")
        for path in sorted(right - left):
            self.differ(path, "only in the copy")
        for path in sorted(left & right):
            try:
                self.compare(path)
            except OSError as error:
                self.differ(path, f"cannot be compared: {error}")
        if self.wanted("links"):
            self.compare_links()
        return self.differences == 0

    def is_ignored_socket(self, path):
        return not self.wanted("sockets") and stat.S_ISSOCK(os.lstat(os.path.join(self.source, path)).st_mode)

    def compare(self, path):
        one, two = os.path.join(self.source, path), os.path.join(self.copy, path)
        a, b = os.lstat(one), os.lstat(two)
        self.compared += 1
        if stat.S_IFMT(a.st_mode) != stat.S_IFMT(b.st_mode):
            self.differ(path, f"type {stat.filemode(a.st_mode)} became {stat.filemode(b.st_mode)}")
            return
        self.compare_field(path, "mode", oct(a.st_mode), oct(b.st_mode))
        self.compare_field(path, "owner", (a.st_uid, a.st_gid), (b.st_uid, b.st_gid))
        self.compare_field(path, "mtime", a.st_mtime_ns, b.st_mtime_ns)
        if self.wanted("xattrs"):
            self.compare_field(path, "xattrs", xattrs(one), xattrs(two))
        if not stat.S_ISDIR(a.st_mode):
            for group, entry in zip(self.groups, (a, b)):
                group.setdefault((entry.st_dev, entry.st_ino), []).append(path)
        self.compare_kind(path, one, two, a, b)

    def compare_field(self, path, what, left, right):
        if self.wanted(what) and left != right:
            self.differ(path, f"{what} {left} became {right}")

    def compare_kind(self, path, one, two, a, b):
        if stat.S_ISLNK(a.st_mode):
            self.compare_field(path, "target", os.readlink(one), os.readlink(two))
            self.compare_field(path, "size", a.st_size, b.st_size)
        elif stat.S_ISCHR(a.st_mode) or stat.S_ISBLK(a.st_mode):
            self.compare_field(path, "device", a.st_rdev, b.st_rdev)
        elif stat.S_ISREG(a.st_mode):
            self.compare_file(path, one, two, a, b)

    def compare_file(self, path, one, two, a, b):
        if a.st_size != b.st_size:
            self.differ(path, f"size {a.st_size} became {b.st_size}")
            return
        if self.wanted("bytes"):
            offset = first_difference(one, two)
            if offset is not None:
                self.differ(path, f"bytes differ from offset {offset}")
            self.bytes += a.st_size
        if self.holes and islands(one) != islands(two):
            self.differ(path, f"data at {islands(one)} became {islands(two)}")

    def compare_links(self):
        left, right = ({tuple(sorted(paths)) for paths in group.values() if len(paths) > 1} for group in self.groups)
        for paths in sorted(left - right):
            self.differ(paths[0], f"hard-link group of {len(paths)} names is not one in the copy")
        for paths in sorted(right - left):
            self.differ(paths[0], f"hard-link group of {len(paths)} names only in the copy")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--ignore", default="", type=lambda text: set(text.split(",")))
    parser.add_argument("--holes", action="store_true")
    parser.add_argument("source", type=os.fsencode)
    parser.add_argument("copy", type=os.fsencode)
    options = parser.parse_args()
    for top in (options.source, options.copy):
        if not os.path.isdir(top):
            parser.exit(2, f"compare_trees: {os.fsdecode(top)} is not a directory\n")
    comparison = Comparison(options.source, options.copy, options.ignore, options.holes)
    same = comparison.run()
    print(f"{'same' if same else f'{comparison.differences} differences'}: "
          f"{comparison.compared} entries, {comparison.bytes} bytes compared")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
