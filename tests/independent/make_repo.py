#!/usr/bin/python3
"""A second writer of Granary repositories, from docs/format.md alone: what `granary` must read though it did not write it.

  make_repo.py SOURCE REPO TRUST   publishes the directory SOURCE into the new repository REPO, writes the trust file TRUST

The repository has two roots, four records, the branch main, the tag first, all three codecs, packs, files of many slices,
holes, and slices in both places. Its keys come from fixed seeds: it is for tests only.
"""
import base64
import datetime
import hashlib
import json
import os
import sqlite3
import struct
import sys
import tempfile
import zlib

import zstandard
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import granary_format as format
from granary_trust import ancestors_of

UUID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
NAME = "second.writer.example"
PIECE = 64 << 10  # files are cut into objects of this many bytes; smaller ones share packs of about as many
FEW = 3  # more slices than that stand in the table slice


def time_text(offset_seconds=0, base=None):
    base = base or datetime.datetime.utcnow()
    return (base + datetime.timedelta(seconds=offset_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_json(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Key:
    def __init__(self, name):
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"granary test key " + name.encode()).digest())
        self.public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = hashlib.sha256(b"ed25519:" + self.public).hexdigest()


def envelope(document, keys):
    return seal(to_json(document), f"application/vnd.granary.{document['granary']}+json", keys)


def seal(payload, payload_type, keys):
    """`keys`: one, or a list of them."""
    keys = keys if isinstance(keys, (list, tuple)) else [keys]
    message = f"DSSEv1 {len(payload_type)} {payload_type} {len(payload)} ".encode() + payload
    return {"payload": base64.b64encode(payload).decode(), "payloadType": payload_type,
            "signatures": [{"algorithm": "ed25519", "keyid": key.id, "sig": base64.b64encode(key.private.sign(message)).decode()}
                           for key in keys]}


def encode_object(plain, codec):
    if codec == 1:
        payload = zlib.compress(plain)
    elif codec == 2:
        payload = zstandard.ZstdCompressor(level=3).compress(plain)
    else:
        payload = plain
    return struct.pack("<4sBBHQ", b"GRNO", 1, codec, 0, len(plain)) + payload


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def encode_slices(slices):
    return b"".join(b"\0" + varint(length) if digest is None else b"\1" + digest + varint(offset) + varint(length)
                    for digest, offset, length in slices)


class Writer:
    """Fills a new repository step by step; every step can be taken wrongly by a test."""

    def __init__(self, place):
        self.place, self.objects, self.roots, self.records = place, 0, [], []
        self.next_inode, self.tags, self.branches = 16, {}, {}
        self.withdrawn, self.retention, self.notes, self.snapshot_members = {}, {}, {}, {}
        os.makedirs(os.path.join(place, "objects"))

    def write(self, path, raw):
        path = os.path.join(self.place, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "wb") as file:
            file.write(raw)
        os.rename(path + ".new", path)

    def put(self, plain):
        digest = hashlib.sha256(plain).digest()
        name = digest.hex()
        self.write(f"objects/{name[:2]}/{name[2:]}", encode_object(plain, self.objects % 3))
        self.objects += 1
        return digest

    # Sections 4 and 6

    def store_contents(self, top, root):
        """Gives every file of a scanned tree its slices."""
        pack, waiting = b"", []

        def flush():
            nonlocal pack, waiting
            digest = self.put(pack) if pack else None
            for node, offset in waiting:
                node.slices = [(digest, offset, node.size)]
            pack, waiting = b"", []
        stored = {}
        for path, node in format.walk(root):
            if node.type != format.FILE:
                continue
            if node.inode in stored:
                node.slices = ()
                continue
            stored[node.inode] = node
            with open(os.path.join(os.fsencode(top), path), "rb") as file:
                if 0 < node.size < PIECE // 2:
                    waiting.append((node, len(pack)))
                    pack += file.read()
                    if len(pack) >= PIECE:
                        flush()
                else:
                    node.slices = self.cut(file, node.size)
        flush()
        for _, node in format.walk(root):
            if node.type == format.FILE:
                node.slices = stored[node.inode].slices

    def cut(self, file, size):
        slices, at = [], 0
        while at < size:
            try:
                data = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                data = size
            if data > at:
                slices.append((None, 0, data - at))
            at, end = data, os.lseek(file.fileno(), data, os.SEEK_HOLE) if data < size else size
            while at < end:
                plain = os.pread(file.fileno(), min(PIECE, end - at), at)
                slices.append((self.put(plain), 0, len(plain)))
                at += len(plain)
        return slices

    def number(self, root):
        """Inode numbers and link counts; the numbers on disk only say which names are one inode."""
        numbers, names = {}, {}
        nodes = list(format.walk(root))
        for path, node in nodes:
            if path == b"":
                numbers[node.inode] = 1
            elif node.inode not in numbers:
                numbers[node.inode] = self.next_inode
                self.next_inode += 1
            node.inode = numbers[node.inode]
            names[node.inode] = names.get(node.inode, 0) + 1
        for _, node in nodes:
            is_directory = node.type == format.DIRECTORY
            node.nlink = (2 + sum(child.type == format.DIRECTORY for child in node.children.values())
                          if is_directory else names[node.inode])
            node.size = len(node.children) if is_directory else node.size

    def database(self, path, root):
        """The catalog's database file, not yet cut; a test may alter it before cut_catalog."""
        db = sqlite3.connect(path)
        for pragma in "page_size=16384", "application_id=1196576345", "user_version=1", "synchronous=off":
            db.execute("PRAGMA " + pragma)
        for sql in sorted(format.SCHEMA, reverse=True):  # tables before the index
            db.execute(sql)
        nodes = list(format.walk(root))
        parents = {b"": (0, b"")}
        for at, node in nodes:
            for name in node.children:
                parents[at + b"/" + name if at else name] = (node.inode, name)
        many = {}
        for at, node in nodes:
            data = None
            if node.type == format.FILE:
                data = encode_slices(node.slices) if len(node.slices) <= FEW else None
                if data is None:
                    many[node.inode] = node.slices
            elif node.type == format.SYMLINK:
                data = node.target
            elif node.type in (format.CHAR, format.BLOCK):
                data = struct.pack("<II", node.major, node.minor)
            db.execute("INSERT INTO entry VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)", (
                *parents[at], node.inode, node.type, node.mode, node.uid, node.gid, node.mtime, node.mtime_ns, node.nlink,
                node.size, node.digest, data, format.encode_xattrs(node.xattrs) if node.xattrs else None))
        for inode, slices in many.items():
            start = 0
            for digest, offset, length in slices:
                db.execute("INSERT INTO slice VALUES(?,?,?,?,?)", (inode, start, length, digest, offset))
                start += length
        by_path = dict(nodes)
        for directory, groups in format.link_groups(nodes).items():
            for group in groups:
                db.execute("INSERT INTO link_group VALUES(?,?)", (by_path[directory].inode, by_path[group[0]].inode))
        sizes = {node.inode: node.size for _, node in nodes if node.type == format.FILE}
        db.executemany("INSERT INTO property VALUES(?,?)", [("entries", len(nodes)), ("bytes", sum(sizes.values()))])
        db.commit()
        db.close()

    def cut_catalog(self, path, change_index=None, inlined=(1,)):
        with open(path, "rb") as file:
            raw = file.read()
        pages = len(raw) // 16384
        references = [self.put(raw[at:at + 65536]) for at in range(0, len(raw), 65536)]
        levels = 1
        if len(references) > 512:
            levels = 2
            leaves = [references[at:at + 512] for at in range(0, len(references), 512)]
            references = [self.put(struct.pack("<4sBBHI", b"GRNI", 1, 0, 0, len(leaf)) + b"".join(leaf)) for leaf in leaves]
        index = (struct.pack("<4sBBHIIQI", b"GRNC", 1, levels, 0, 16384, 4, pages, len(references)) + b"".join(references)
                 + struct.pack("<I", len(inlined))
                 + b"".join(struct.pack("<I", page) + raw[(page - 1) * 16384:page * 16384] for page in inlined))
        return self.put(change_index(index) if change_index else index)

    # Section 7

    def root(self, version, keys, roles, signers, odd=()):
        self.roots.append(envelope({
            "granary": "root", "format": 1, "repository": UUID, "name": NAME, "version": version, "time": time_text(-60),
            "keys": {key.id: {"algorithm": "ed25519", "public": base64.b64encode(key.public).decode()} for key in keys},
            "roles": roles, **dict(odd)}, signers))
        self.write(f"root/{version}.json", to_json(self.roots[-1]))

    def snapshot(self, tree, catalog, parents, entries, size, branch="main"):
        return self.put(to_json({
            "granary": "snapshot", "format": 1, "repository": UUID, "tree": tree.hex(), "catalog": catalog.hex(),
            "parents": [parent.hex() for parent in parents], "time": time_text(-30), "branch": branch,
            "message": "a tree", "entries": entries, "bytes": size, **self.snapshot_members}))

    def statement(self, key, kind, name, snapshot, tree, catalog, sequence, branch="main", **more):
        return envelope({
            "granary": "release", "format": 1, "repository": UUID, "kind": kind, "name": name, "branch": branch,
            "snapshot": snapshot.hex(), "tree": tree.hex(), "catalog": catalog.hex(), "time": time_text(-20),
            "sequence": sequence, **more}, key)

    def names(self):
        return self.put(to_json({"granary": "names", "format": 1, "tags": self.tags, "withdrawn": self.withdrawn,
                                 "retention": self.retention, "notes": self.notes}))

    def record(self, key, action, **more):
        revision = len(self.records) + 1
        document = {
            "granary": "record", "format": 1, "repository": UUID, "name": NAME, "revision": revision,
            "ancestors": {number: hashlib.sha256(base64.b64decode(self.records[int(number) - 1]["payload"])).hexdigest()
                          for number in ancestors_of(revision)},
            "time": time_text(-10), "root_version": len(self.roots), "next_inode": self.next_inode,
            "branches": self.branches, "names": self.names().hex(), "action": action}
        if revision > 1:
            document["previous"] = hashlib.sha256(base64.b64decode(self.records[-1]["payload"])).hexdigest()
        document.update(more)
        self.records.append(envelope(document, key))
        self.write(f"log/{revision}.json", to_json(self.records[-1]))

    def head(self, key, expires_seconds=30 * 86400, **more):
        timestamp = envelope({
            "granary": "timestamp", "format": 1, "repository": UUID, "revision": len(self.records),
            "record": hashlib.sha256(base64.b64decode(self.records[-1]["payload"])).hexdigest(),
            "time": time_text(-5), "expires": time_text(expires_seconds)}, key)
        self.write("head.json", to_json({"granary": "head", "format": 1, "roots": self.roots, "record": self.records[-1],
                                         "timestamp": timestamp, **more}))

    def trust(self, path, version=1, **more):
        with open(path, "wb") as file:
            file.write(to_json({"granary": "trust", "format": 1, "repository": UUID, "name": NAME,
                                "root": self.roots[version - 1], "minimum_revision": 0, **more}))


ROOT, ROOT_2, RELEASE, TIMESTAMP = Key("root"), Key("root 2"), Key("release"), Key("timestamp")


def roles(root_keys, threshold=1, release=None, release_threshold=1):
    return {"root": {"threshold": threshold, "keys": [{"id": key.id} for key in root_keys]},
            "release": {"threshold": release_threshold, "keys": release or [{"id": RELEASE.id}]},
            "timestamp": {"threshold": 1, "keys": [{"id": TIMESTAMP.id}]}}


def publish(writer, source, parents=(), change=None, change_index=None):
    """Everything of a new snapshot up to its id; what to sign: snapshot, tree digest, catalog digest.

    `change` gets the catalog's database before it is cut, `change_index` the catalog index before it is stored.
    """
    tree = format.scan_directory(source)
    writer.store_contents(source, tree)
    writer.number(tree)
    digest = format.tree_digest(tree)
    with tempfile.TemporaryDirectory(prefix="granary-make-repo-") as scratch:
        database = os.path.join(scratch, "catalog")
        writer.database(database, tree)
        if change:
            change(database)
        catalog = writer.cut_catalog(database, change_index)
    nodes = dict(format.walk(tree))
    size = sum({node.inode: node.size for node in nodes.values() if node.type == format.FILE}.values())
    return writer.snapshot(digest, catalog, parents, len(nodes), size), digest, catalog


def make_repository(source, place, trust):
    writer = Writer(place)
    writer.root(1, [ROOT, RELEASE, TIMESTAMP], roles([ROOT]), [ROOT])
    writer.record(RELEASE, {"do": "init"})
    signed = publish(writer, source)
    writer.branches["main"] = writer.statement(RELEASE, "branch", "main", *signed, 2)
    writer.record(RELEASE, {"do": "publish", "branch": "main"})
    writer.tags["first"] = writer.statement(RELEASE, "tag", "first", *signed, 3)
    writer.record(RELEASE, {"do": "tag", "tag": "first"})
    writer.root(2, [ROOT, ROOT_2, RELEASE, TIMESTAMP], roles([ROOT, ROOT_2], 2), [ROOT, ROOT_2])
    writer.record(RELEASE, {"do": "rotate"})
    writer.head(TIMESTAMP)
    writer.trust(trust)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/format.md"), "rb") as page:
        writer.write("format.md", page.read())
    return signed


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    print(make_repository(*sys.argv[1:])[1].hex())
