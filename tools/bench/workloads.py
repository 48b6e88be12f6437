"""What is read: commands run in a tree's top directory whose output tells how much they read.

Every timed run is checked: what it prints must be what it prints in the tree itself. A fingerprint, once a target and
outside the timing, compares every entry and every byte.
"""
import hashlib
import os
import stat
import time

from measure import Wrong, run

PYTHON = ("chroot . python3 -c 'import numpy, json, email.mime.text, sqlite3, xml.dom.minidom, unittest, asyncio,"
          " http.client'")
SMALL_FILES = 1000
SMALL_FILE_BYTES = 256 << 10


class Workload:
    """`command` prints the same on every true copy of `tree`."""

    def __init__(self, name, command, tree):
        self.name, self.command = name, command
        self.expected = run(command, cwd=tree)

    def seconds(self, top):
        """Wrong when the output differs."""
        began = time.monotonic()
        output = run(self.command, cwd=top)
        took = time.monotonic() - began
        check_output(self.expected, output)
        return took


def check_output(expected, output):
    if output != expected:
        raise Wrong(f"read something else than the tree: {brief(output)} instead of {brief(expected)}")


def brief(text):
    text = text.strip()
    return text if len(text) <= 40 else text[:40] + "…"


def find(tree):
    return Workload("find", "find . -xdev -printf '%s %m\\n' | wc -l", tree)


def tar(tree):
    return Workload("tar", "tar cf - --warning=no-file-ignored . | wc -c", tree)


def start_python(tree):
    return Workload("start python with numpy", PYTHON, tree)


def compile_hello(tree):
    return Workload("compile hello world", "echo 'int main(void) { return 0; }' | chroot . gcc -O2 -x c -S -o - -", tree)


def reads(tree):
    return [find(tree), tar(tree)]


def starts(tree):
    """Programs run from the tree, where it has them."""
    if not os.path.exists(os.path.join(tree, "usr/bin/gcc")):
        return []
    return [start_python(tree), compile_hello(tree)]


def small_files(tree):
    """Paths of 1,000 small files in order: of python's and perl's modules, or of all of usr where those are too few."""
    chosen = files_up_to(tree, ["usr/lib/python3", "usr/share/perl"])
    return (chosen if len(chosen) >= SMALL_FILES else files_up_to(tree, ["usr"]))[:SMALL_FILES]


def files_up_to(tree, tops, limit=SMALL_FILE_BYTES):
    """Regular files of at most `limit` bytes (None: of any size), in order of path."""
    found = []
    for top in tops:
        for folder, _, names in os.walk(os.path.join(tree, top)):
            for path in (os.path.join(folder, name) for name in names):
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode) and (limit is None or status.st_size <= limit):
                    found.append(os.path.relpath(path, tree))
    return sorted(found)


def cat_files(name, paths, tree, listing):
    """Reads `paths` one after the other; they are kept in the file `listing`."""
    with open(listing, "wb") as out:
        out.write(b"".join(os.fsencode(path) + b"\0" for path in paths))
    return Workload(name, f"xargs -0 -a {listing} cat | wc -c", tree)


# --- every entry and every byte ------------------------------------------------------------------------------------


def fingerprint(top):
    """A line for each entry, by path: what it is and the digest of what it holds."""
    lines = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for name in folders + files:
            path = os.path.join(folder, name)
            lines[os.path.relpath(path, os.fsencode(top))] = entry(path)
    return lines


def entry(path):
    status = os.lstat(path)
    line = f"{status.st_mode:o} {status.st_uid}:{status.st_gid}"
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as content:
            return f"{line} {status.st_size} {hashlib.file_digest(content, 'sha256').hexdigest()}"
    if stat.S_ISLNK(status.st_mode):
        return f"{line} {os.readlink(path)!r}"
    return line


def check_fingerprint(expected, top):
    """Wrong, with the first path that differs."""
    found = fingerprint(top)
    for path in sorted(expected.keys() | found.keys()):
        if expected.get(path) != found.get(path):
            raise Wrong(f"{os.fsdecode(path)} is {found.get(path, 'missing')}, in the tree {expected.get(path, 'missing')}")
