#!/usr/bin/python3
"""Writes a tar of a generated tree of exactly N entries to standard output.

  generated_tree.py N

Groups of 100 packages of 99 small files: group-000/package-00000/file-00, no two of them alike.
"""
import os
import sys

FILES, PACKAGES = 99, 100  # of a package, of a group
MTIME = 1700000000


def entries(count):
    """(path, content) of `count` entries, each directory before what it holds; content is None for a directory."""
    made = package = 0
    while made < count:
        group = f"group-{package // PACKAGES:03d}"
        if package % PACKAGES == 0:
            yield group + "/", None
            made += 1
        if made < count:
            yield f"{group}/package-{package:05d}/", None
            made += 1
        for number in range(min(FILES, count - made)):
            yield f"{group}/package-{package:05d}/file-{number:02d}", content(package, number)
            made += 1
        package += 1


def content(package, number):
    return b"the content of file %d in package %d\n" % (number, package)


def write_package(folder, count, package):
    """The files of one package as `entries(count)` has them, in a directory; gives its path in the tree."""
    os.makedirs(folder)
    path = f"group-{package // PACKAGES:03d}/package-{package:05d}"
    for name, text in entries(count):
        if not name.startswith(path):
            if os.listdir(folder):
                break
            continue
        if text is not None:
            with open(os.path.join(folder, os.path.basename(name)), "wb") as out:
                out.write(text)
            os.utime(out.name, (MTIME, MTIME))
    return path


MAGIC = b"ustar\x0000"


def header(path, size, directory):
    """A ustar header, of root, 0755 or 0644."""
    name, kind = path.encode(), b"5" if directory else b"0"
    fields = (b"0000755\0" if directory else b"0000644\0") + b"0000000\0" * 2 + b"%011o\0%011o\0" % (size, MTIME)
    checksum = sum(name) + sum(fields) + 8 * ord(" ") + ord(kind) + sum(MAGIC)
    return name.ljust(100, b"\0") + fields + b"%06o\0 " % checksum + kind + bytes(100) + MAGIC + bytes(247)


def write_tar(count, out):
    for path, text in entries(count):
        out.write(header(path, len(text or b""), text is None))
        if text:
            out.write(text + bytes(-len(text) % 512))
    out.write(bytes(1024))


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    with open(sys.stdout.fileno(), "wb", buffering=1 << 20) as out:
        write_tar(int(sys.argv[1]), out)


if __name__ == "__main__":
    main()
