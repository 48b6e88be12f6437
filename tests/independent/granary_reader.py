#!/usr/bin/python3
"""A second reader of Granary repositories, written from docs/format.md alone: the proof that the page is enough.

  granary_reader.py list    REPO [options]        every path of a snapshot
  granary_reader.py list    --directory DIR       the same lines for a directory on disk
  granary_reader.py extract REPO DEST [options]   the snapshot as files below DEST (absent or empty)
  granary_reader.py digest  REPO [options]        recompute every digest from rows and bytes, compare, print
  granary_reader.py digest  --directory DIR       the tree digest of a directory on disk
  granary_reader.py profile REPO NAME [options]   what a profile of the snapshot fetches ahead: digest and plain size a line
  granary_reader.py inspect FILE | REPO DIGEST    an object, catalog index or document for people

options: --trust FILE, --branch B | --tag T | --snapshot ID (default: --branch main), --archive (accept an expired timestamp)
REPO is a directory or an http URL. Without --trust the repository's own first root is taken and a warning printed.
Lines of `list`: type, mode, uid:gid, size, mtime, path, then "-> target", "major,minor", "= other name of a hard link" and
"xattr:name=hex"; bytes that are not printable ASCII, blanks and backslashes are \\xNN.
Beside it lie granary_format.py, granary_trust.py and granary_profile.py; needs python3-zstandard and python3-cryptography. Exit status: 0 fine, 1 refused or incomplete, 2 wrong usage.
"""
import argparse
import json
import os
import sys

from granary_format import (BLOCK, CHAR, DIRECTORY, FILE, MAX_OBJECT_FILE, STAT_TYPES, SYMLINK, TYPE_NAMES, Refused, Repository, content,
                            content_digest, decode_object, need, read_catalog_index, read_catalog_leaf, read_object_header,
                            scan_directory, sha256, show, tree_digest, walk, warn)
from granary_profile import read_plan, read_profile
from granary_trust import Head, is_object, parse_json, unbase64


def line(path, node, first_names):
    words = [TYPE_NAMES[node.type], f"{node.mode:04o}", f"{node.uid}:{node.gid}", str(node.size),
             f"{node.mtime}.{node.mtime_ns:09d}", "/" + show(path)]
    if node.type == SYMLINK:
        words += ["->", show(node.target)]
    if node.type in (CHAR, BLOCK):
        words += [f"{node.major},{node.minor}"]
    first = first_names.setdefault(node.inode, path)
    if first != path:
        words += ["=", "/" + show(first)]
    return " ".join(words + [f"xattr:{show(name)}={value.hex()}" for name, value in node.xattrs])


def command_list(options):
    root = scan_directory(options.directory, False) if options.directory else opened(options)[1]
    first_names = {}
    for path, node in walk(root):
        print(line(path, node, first_names))


def opened(options):
    head = Head(Repository(options.repo), options.trust, options.archive)
    chosen = head.snapshot(options)
    return head.repository, head.tree(chosen), chosen


def command_digest(options):
    if options.directory:
        return print(tree_digest(scan_directory(options.directory)).hex())
    repository, root, chosen = opened(options)
    for node, path in {node.inode: (node, path) for path, node in walk(root) if node.type == FILE}.values():
        need(content_digest(repository, node, show(path)) == node.digest, "/" + show(path), "has another content digest")
    print(chosen["tree"])


class Extraction:
    """Writes a tree below a directory; what privileges do not allow is noted in `missing`."""

    def __init__(self, repository, dest):
        self.repository, self.dest, self.first_names, self.missing = repository, os.fsencode(dest), {}, []

    def run(self, root):
        nodes = [(path, os.path.join(self.dest, path) if path else self.dest, node) for path, node in walk(root)]
        for path, at, node in nodes:
            first = self.first_names.setdefault(node.inode, at)
            if first != at:
                self.attempt(path, os.link, first, at, follow_symlinks=False)
            elif self.create(path, at, node) and node.type != DIRECTORY:
                self.decorate(path, at, node)
        for path, at, node in reversed(nodes):  # a directory's times after its entries
            if node.type == DIRECTORY:
                self.decorate(path, at, node)

    def attempt(self, path, call, *arguments, **keywords):
        try:
            call(*arguments, **keywords)
            return True
        except OSError as error:
            self.missing.append(f"/{show(path)}: {call.__name__}: {error.strerror}")
            return False

    def create(self, path, at, node):
        if node.type == FILE:
            with open(at, "xb") as file:
                for piece, length in content(self.repository, node, show(path)):
                    file.write(piece) if piece is not None else file.seek(length, os.SEEK_CUR)
                file.truncate(node.size)
            need(content_digest(self.repository, node, show(path)) == node.digest, "/" + show(path), "has another content digest")
        elif node.type == DIRECTORY:
            os.makedirs(at, 0o700, exist_ok=True)
        elif node.type == SYMLINK:
            os.symlink(node.target, at)
        else:
            kind = next(bits for bits, type_ in STAT_TYPES.items() if type_ == node.type)
            return self.attempt(path, os.mknod, at, kind | 0o600, os.makedev(node.major, node.minor))
        return True

    def decorate(self, path, at, node):
        found = os.lstat(at)
        if (found.st_uid, found.st_gid) != (node.uid, node.gid):
            self.attempt(path, os.lchown, at, node.uid, node.gid)
        for name, value in node.xattrs:
            self.attempt(path, os.setxattr, at, name, value, follow_symlinks=False)
        if node.type != SYMLINK:
            os.chmod(at, node.mode)
        os.utime(at, ns=(node.mtime * 10**9 + node.mtime_ns,) * 2, follow_symlinks=False)


def command_extract(options):
    repository, root, _ = opened(options)
    os.makedirs(options.dest, exist_ok=True)
    need(not os.listdir(options.dest), options.dest, "is not empty")
    extraction = Extraction(repository, options.dest)
    extraction.run(root)
    for text in extraction.missing:
        warn("not restored:", text)
    return 1 if extraction.missing else 0


def command_profile(options):
    head = Head(Repository(options.repo), options.trust, options.archive)
    _, plan, _ = read_profile(head, head.snapshot(options)["snapshot"], options.name)
    for digest, size in plan:
        print(digest.hex(), size)


def command_inspect(options):
    if options.digest:
        name = options.digest
        file = Repository(options.file).file(f"objects/{name[:2]}/{name[2:]}", MAX_OBJECT_FILE)
    else:
        with open(options.file, "rb") as source:
            file = source.read(MAX_OBJECT_FILE)
    plain = file
    if file[:4] == b"GRNO":
        codec, size, payload = read_object_header(file, options.file)
        plain = decode_object(file, options.file)
        print(f"object {sha256(plain).hex()} codec {['none', 'zlib', 'zstd'][codec]} plain {size} payload {len(payload)}")
    if plain[:4] == b"GRNC":
        levels, pages, references, inlined = read_catalog_index(plain)
        print(f"catalog index levels {levels} pages {pages} inlined", *(number for number, _ in inlined))
        print(*(digest.hex() for digest in references), sep="\n")
    elif plain[:4] == b"GRNI":
        print("catalog index leaf", *(digest.hex() for digest in read_catalog_leaf(plain)), sep="\n")
    elif plain[:4] == b"GRNP":
        print("plan of a profile", *(f"{digest.hex()} {size}" for digest, size in read_plan(plain)), sep="\n")
    elif plain[:1] == b"{":
        print(json.dumps(opened_envelopes(parse_json(plain, "document")), indent=2, sort_keys=True))
    elif plain[:16] == b"SQLite format 3\0":
        print("first page group of a catalog")
    else:
        print("data, beginning with", show(plain[:64]))


def opened_envelopes(value):
    """Documents in the place of the base64 of their envelopes."""
    if type(value) is list:
        return [opened_envelopes(item) for item in value]
    if not is_object(value):
        return value
    value = {name: opened_envelopes(item) for name, item in value.items()}
    if "payloadType" in value and "payload" in value:
        value["payload"] = opened_envelopes(parse_json(unbase64(value["payload"], "envelope"), "payload"))
    return value


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in "list", "extract", "digest", "profile":
        command = commands.add_parser(name, usage=__doc__)
        command.add_argument("repo", nargs="?" if name in ("list", "digest") else None)
        if name == "profile":
            command.add_argument("name")
        if name == "extract":
            command.add_argument("dest")
        for option in ["trust", "branch", "tag", "snapshot"] + ["directory"] * (name in ("list", "digest")):
            command.add_argument("--" + option)
        command.add_argument("--archive", action="store_true")
    command = commands.add_parser("inspect", usage=__doc__)
    command.add_argument("file")
    command.add_argument("digest", nargs="?")
    options = parser.parse_args()
    if options.command in ("list", "digest") and bool(options.repo) == bool(options.directory):
        parser.error("give either REPO or --directory DIR")
    try:
        return globals()["command_" + options.command](options)
    except (Refused, OSError) as error:
        warn(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
