#!/usr/bin/python3
"""Makes tests/format/vectors.json: the test vectors of docs/format.md, section 10, in a form that programs read.

  make_vectors.py >tests/format/vectors.json

Run it only when the format gains something to show: vectors that were once published never change.
"""
import base64
import hashlib
import json
import struct
import sys
import zlib

import zstandard
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import granary_format as format
from make_repo import encode_object, encode_slices, to_json, varint

FILE, DIRECTORY, SYMLINK, CHAR, BLOCK, FIFO, SOCKET = range(1, 8)
TEXT = b"In the granary lies the seed of next year.\n" * 3
RFC8032_TEST_1 = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")


def sha256(raw):
    return hashlib.sha256(raw).digest()


def zstd(plain, **options):
    return zstandard.ZstdCompressor(level=3, **options).compress(plain)


def object_file(payload, codec, size, version=1, reserved=0, magic=b"GRNO"):
    return struct.pack("<4sBBHQ", magic, version, codec, reserved, size) + payload


def zstd_frame_of_zeros(blocks, window_descriptor=None, size=0):
    """Run-length blocks of 128 KiB; a single-segment frame unless it has a window descriptor."""
    header = b"\x28\xb5\x2f\xfd" + (b"\xa0" + struct.pack("<I", size) if window_descriptor is None else bytes([0, window_descriptor]))
    block = lambda last: struct.pack("<I", last | 1 << 1 | (128 << 10) << 3)[:3] + b"\0"
    return header + block(0) * (blocks - 1) + block(1)


def objects():
    for name, codec, plain in (("none", 0, TEXT), ("zlib", 1, TEXT), ("zstd", 2, TEXT), ("empty", 0, b"")):
        yield {"name": name, "plain": plain.hex(), "digest": sha256(plain).hex(), "file": encode_object(plain, codec).hex()}
    # an 8 MiB window is the largest that may be; 16 zero bytes by a frame that does not tell its content's size
    yield {"name": "zstd, no content size", "plain": "00" * 16, "digest": sha256(bytes(16)).hex(), "file": object_file(
        zstandard.ZstdCompressor(level=3, write_content_size=False).compress(bytes(16)), 2, 16).hex()}
    yield {"name": "zstd, checksum", "plain": TEXT.hex(), "digest": sha256(TEXT).hex(),
           "file": object_file(zstd(TEXT, write_checksum=True), 2, len(TEXT)).hex()}


def bad_objects():
    size, packed = len(TEXT), zstd(TEXT)
    cases = {
        "magic": object_file(TEXT, 0, size, magic=b"GRNP"),
        "newer version": object_file(TEXT, 0, size, version=2),
        "unknown codec": object_file(TEXT, 3, size),
        "reserved bits": object_file(TEXT, 0, size, reserved=1),
        "too large": object_file(b"", 0, (16 << 20) + 1),
        "header cut short": object_file(TEXT, 0, size)[:15],
        "none, a byte missing": object_file(TEXT[:-1], 0, size),
        "none, a byte too many": object_file(TEXT + b"x", 0, size),
        "zlib, a byte too many": object_file(zlib.compress(TEXT) + b"x", 1, size),
        "zlib, cut short": object_file(zlib.compress(TEXT)[:-1], 1, size),
        "zlib, nothing": object_file(b"", 1, 0),
        "zlib, yields more": object_file(zlib.compress(TEXT + b"x"), 1, size),
        "zlib, yields less": object_file(zlib.compress(TEXT[:-1]), 1, size),
        "zlib, preset dictionary": object_file(zlib_with_dictionary(), 1, size),
        "zstd, a byte too many": object_file(packed + b"x", 2, size),
        "zstd, cut short": object_file(packed[:-1], 2, size),
        "zstd, nothing": object_file(b"", 2, 0),
        "zstd, yields more": object_file(zstd(TEXT + b"x"), 2, size),
        "zstd, yields less": object_file(zstd(TEXT[:-1]), 2, size),
        "zstd, two frames": object_file(zstd(TEXT[:50]) + zstd(TEXT[50:]), 2, size),
        "zstd, skippable frame before": object_file(b"\x50\x2a\x4d\x18\1\0\0\0x" + packed, 2, size),
        "zstd, skippable frame after": object_file(packed + b"\x50\x2a\x4d\x18\1\0\0\0x", 2, size),
        "zstd, window of 16 MiB in a single segment": object_file(zstd_frame_of_zeros(128, None, 16 << 20), 2, 16 << 20),
        "zstd, window of 9 MiB": object_file(zstd_frame_of_zeros(1, 13 << 3 | 1), 2, 128 << 10),
        "zstd, wants a dictionary": object_file(zstd_with_dictionary(), 2, size),
        "zstd, wrong checksum": object_file(zstd(TEXT, write_checksum=True)[:-1] + b"\0", 2, size),
    }
    return [{"why": why, "file": file.hex()} for why, file in cases.items()]


def zlib_with_dictionary():
    packer = zlib.compressobj(zdict=b"the granary lies the seed")
    return packer.compress(TEXT) + packer.flush()


def zstd_with_dictionary():
    raw = packed = zstandard.ZstdCompressionDict(TEXT, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    packed = zstandard.ZstdCompressor(dict_data=raw).compress(TEXT)
    # a raw dictionary has no number: give the frame one (dictionary id flag 1, id 7)
    return packed[:4] + bytes([packed[4] | 1]) + b"\7" + packed[5:]


def slice_lists():
    a, b = sha256(b"a"), sha256(b"b")
    lists = {"empty file": [], "one slice": [(a, 0, 5)], "hole, data, data": [(None, 0, 4096), (a, 300, 1), (b, 0, 262144)],
             "a hole only": [(None, 0, (1 << 63) - 1)]}
    for name, slices in lists.items():
        yield {"name": name, "size": sum(length for _, _, length in slices), "encoded": encode_slices(slices).hex(),
               "slices": [{"object": digest.hex() if digest else None, "offset": offset, "length": length}
                          for digest, offset, length in slices]}


def bad_slice_lists():
    a = sha256(b"a")
    cases = {
        "unknown kind": (1, b"\2\1"), "empty hole": (0, b"\0\0"), "empty data": (0, b"\1" + a + b"\0\0"),
        "short of the size": (6, b"\1" + a + b"\0\5"), "beyond the size": (4, b"\1" + a + b"\0\5"),
        "cut short": (5, b"\1" + a + b"\0"), "varint not shortest": (5, b"\1" + a + b"\0\x85\0"),
        "lengths overflow": (8, (b"\0" + varint((1 << 64) - 1)) + b"\0\x09"), "varint of 65 bits": (0, b"\0" + b"\x80" * 9 + b"\2"),
        "end of slice overflows": (5, b"\1" + a + varint((1 << 64) - 1) + b"\5"),
    }
    return [{"why": why, "size": size, "encoded": encoded.hex()} for why, (size, encoded) in cases.items()]


def xattr_lists():
    for name, xattrs in {"two": [(b"security.capability", bytes.fromhex("0100000200040000000000000000000000000000")),
                                 (b"user.comment", b"grain")],
                         "an empty value": [(b"user.empty", b"")]}.items():
        yield {"name": name, "xattrs": [[name.decode(), value.hex()] for name, value in xattrs],
               "encoded": format.encode_xattrs(xattrs).hex()}


def bad_xattr_lists():
    one = lambda name, value: format.string(name) + format.string(value)
    count = lambda n: struct.pack("<I", n)
    cases = {"nothing": b"", "out of order": count(2) + one(b"user.b", b"1") + one(b"user.a", b"1"),
             "one name twice": count(2) + one(b"user.a", b"1") + one(b"user.a", b"2"), "empty name": count(1) + one(b"", b"1"),
             "NUL in the name": count(1) + one(b"user.\0", b"1"), "long name": count(1) + one(b"n" * 256, b"1"),
             "trailing byte": count(1) + one(b"user.a", b"1") + b"x", "fewer than counted": count(2) + one(b"user.a", b"1")}
    return [{"why": why, "encoded": encoded.hex()} for why, encoded in cases.items()]


def node(type, **fields):
    defaults = {"mode": 0o644, "uid": 0, "gid": 0, "mtime": 1700000000, "mtime_ns": 123456789}
    return format.Node(type=type, **{**defaults, **fields})


def describe(node):
    out = {name: getattr(node, name) for name in ("type", "mode", "uid", "gid", "mtime", "mtime_ns")}
    out["xattrs"] = [[name.decode(), value.hex()] for name, value in node.xattrs]
    if node.type == FILE:
        out["size"] = node.size
    if node.type in (FILE, DIRECTORY):
        out["digest"] = node.digest.hex()
    if node.type == SYMLINK:
        out["target"] = node.target.hex()
    if node.type in (CHAR, BLOCK):
        out.update(major=node.major, minor=node.minor)
    return out


def nodes():
    empty = sha256(b"granary-dir-v1\0\0" + bytes(8))
    for name, value in {
            b"seed": node(FILE, mode=0o4755, uid=1000, gid=4_000_000_001, size=5, digest=sha256(b"grain"), xattrs=[(b"user.a", b"")]),
            b"": node(DIRECTORY, mode=0o1777, digest=empty),
            b"to": node(SYMLINK, mode=0o777, target=b"../seed", mtime=-1, mtime_ns=500_000_000),
            b"null": node(CHAR, mode=0o666, major=1, minor=3), b"disk": node(BLOCK, mode=0o660, gid=6, major=259, minor=1048575),
            b"pipe": node(FIFO), b"\xff\\ x": node(SOCKET, mtime=-(1 << 63))}.items():
        yield {"name": name.hex(), "node": describe(value), "encoded": value.encode(name).hex()}


def trees():
    yield tree("an empty directory", node(DIRECTORY, mode=0o755))
    yield tree("a file", node(DIRECTORY, mode=0o755, children={b"seed": file(b"grain")}))
    yield tree("every type, an xattr, a hard-link group", every_type())
    yield tree("groups in their lowest directories", grouped())


def file(plain, **fields):
    return node(FILE, size=len(plain), digest=sha256(plain), **fields)


def every_type():
    directory = {
        b"again": file(b"grain", inode=20), b"block": node(BLOCK, mode=0o660, gid=6, major=8, minor=1),
        b"char": node(CHAR, mode=0o666, major=1, minor=3), b"empty": file(b""), b"pipe": node(FIFO, mode=0o600),
        b"socket": node(SOCKET, mode=0o755), b"target": node(SYMLINK, mode=0o777, target=b"../seed")}
    return node(DIRECTORY, mode=0o755, mtime=1700000001, mtime_ns=0, children={
        b"inner": node(DIRECTORY, mode=0o2775, gid=50, children=directory),
        b"inner.d": node(DIRECTORY, mode=0o700), b"seed": file(b"grain", inode=20),
        b"sower": file(b"#!/bin/sh\n", mode=0o4755, uid=1000, mtime=-1, mtime_ns=500_000_000,
                       xattrs=[(b"security.capability", bytes.fromhex("0100000200040000000000000000000000000000")), (b"user.empty", b"")]),
        "Spelt-ähre".encode(): file(b"spelt"), b"\xff": file(b"no UTF-8")})


def grouped():
    """Group 20 lies in one directory, 21 across two of them, 22 (fifos) from the root down; "a.b/2" sorts before "a/2"."""
    one, two, pipe = lambda: file(b"one", inode=20), lambda: file(b"two", inode=21), lambda: node(FIFO, inode=22)
    return node(DIRECTORY, mode=0o755, children={
        b"p": pipe(),
        b"top": node(DIRECTORY, mode=0o755, children={
            b"a": node(DIRECTORY, mode=0o755, children={b"1": one(), b"2": two(), b"3": one(), b"0": one()}),
            b"a.b": node(DIRECTORY, mode=0o755, children={b"2": two(), b"p": pipe()})})})


def tree(name, root):
    number = 100
    for path, entry in format.walk(root):
        if not entry.inode:
            entry.inode, number = number, number + 1
    digest = format.tree_digest(root)
    groups = [[path.hex() for path in group] for found in format.link_groups(format.walk(root)).values() for group in found]
    return {"name": name, "tree_digest": digest.hex(), "groups": groups, "entries": [
        {"path": path.hex(), "shown": "/" + format.show(path), "node": describe(entry)} for path, entry in format.walk(root)]}


def signed():
    private = Ed25519PrivateKey.from_private_bytes(RFC8032_TEST_1)
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    kind = "application/vnd.granary.timestamp+json"
    payload = to_json({"granary": "timestamp", "format": 1, "repository": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "revision": 1,
                       "record": sha256(b"record").hex(), "time": "2026-11-21T08:00:00Z", "expires": "2026-12-05T08:00:00Z"})
    message = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    signature = private.sign(message)
    keyid = sha256(b"ed25519:" + public).hex()
    envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": kind, "signatures": [
        {"algorithm": "ed25519", "keyid": keyid, "sig": base64.b64encode(signature).decode()}]}
    return {"secret": RFC8032_TEST_1.hex(), "public": public.hex(), "keyid": keyid, "kind": "timestamp", "payload": payload.decode(),
            "signed": message.decode(), "signature": signature.hex(), "envelope": to_json(envelope).decode()}


def catalog_indexes():
    def index(pages, references, inlined=(), levels=1):
        return (struct.pack("<4sBBHIIQI", b"GRNC", 1, levels, 0, 16384, 4, pages, len(references)) + b"".join(references)
                + struct.pack("<I", len(inlined)) + b"".join(struct.pack("<I", number) + page for number, page in inlined))

    def described(name, pages, groups, references, inlined=(), levels=1):
        raw = index(pages, references, inlined, levels)
        return {"name": name, "levels": levels, "pages": pages, "groups": len(groups), "first_group": groups[0].hex(),
                "last_group": groups[-1].hex(), "references": [one.hex() for one in references], "digest": sha256(raw).hex(),
                "inlined": [{"page": number, "filled_with": page[0]} for number, page in inlined],
                **({"encoded": raw.hex()} if len(raw) < 1000 else {})}

    few = [sha256(b"group %d" % i) for i in range(2)]
    many = [sha256(b"group %d" % i) for i in range(513)]
    leaves = [struct.pack("<4sBBHI", b"GRNI", 1, 0, 0, len(part)) + b"".join(part) for part in (many[:512], many[512:])]
    pages = [(1, b"\1" * 16384), (5, b"\5" * 16384)]
    return [described("five pages", 5, few, few), described("five pages, two of them inlined", 5, few, few, pages),
            {**described("two levels", 2049, many, list(map(sha256, leaves)), levels=2), "last_leaf": leaves[1].hex()}]


PLANNED = [(sha256(b"one"), 1), (sha256(b"two"), 16 << 20)]


def plan_of(planned, magic=b"GRNP", version=1, reserved=0, count=None):
    return struct.pack("<4sBBHI", magic, version, 0, reserved, len(planned) if count is None else count) + b"".join(
        digest + struct.pack("<I", size) for digest, size in planned)


def plans():
    for planned in ([], PLANNED):
        yield {"objects": [[digest.hex(), size] for digest, size in planned], "encoded": plan_of(planned).hex()}


def bad_plans():
    sound = plan_of(PLANNED)
    cases = {"empty": b"", "cut short": sound[:-1], "a byte too long": sound + b"\0", "not a plan": plan_of(PLANNED, magic=b"GRNC"),
             "of a later version": plan_of(PLANNED, version=2), "reserved bytes in use": plan_of(PLANNED, reserved=1),
             "an object twice": plan_of(PLANNED[:1] * 2), "an object of no bytes": plan_of([(sha256(b"one"), 0)]),
             "an object that is too large": plan_of([(sha256(b"one"), (16 << 20) + 1)]),
             "more objects than it has": plan_of(PLANNED, count=3), "too many objects": plan_of(PLANNED, count=65_537)}
    return [{"why": why, "encoded": raw.hex()} for why, raw in cases.items()]


def trace_of(*entries, **members):
    return to_json({"granary": "trace", "format": 1, "repository": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "snapshot": sha256(b"snapshot").hex(),
                    "time": "2026-11-21T08:00:00Z", "entries": list(entries), **members}).decode()


def touched(path="seed", ranges=((0, 5),), **members):
    return {"file": path, "content": sha256(b"grain").hex(), "ranges": [list(one) for one in ranges], **members}


def traces():
    odd = touched("inner/%FF %25%0A", [(0, 1), (1, 1), (2**62, 2**62 - 1)])
    return [{"text": text, "touches": touches} for text, touches in (
        (trace_of(), []),
        (trace_of({"directory": ""}, touched(), odd, {"directory": "inner"}, touched("empty", [])),
         [["", None, []], [b"seed".hex(), sha256(b"grain").hex(), [[0, 5]]],
          [b"inner/\xff %\n".hex(), sha256(b"grain").hex(), [[0, 1], [1, 1], [2**62, 2**62 - 1]]],
          [b"inner".hex(), None, []], [b"empty".hex(), sha256(b"grain").hex(), []]]))]


def bad_traces():
    cases = {"a path that is absolute": {"directory": "/inner"}, "a path with an empty component": {"directory": "inner//seed"},
             "a path that goes up": {"directory": "inner/../seed"}, "a path that ends in a slash": {"directory": "inner/"},
             "lower-case hexadecimal": {"directory": "%ff"}, "a printable byte encoded": {"directory": "%41"},
             "an incomplete encoding": {"directory": "%F"}, "a byte that is not encoded": {"directory": "\u00e4"}, "a NUL": {"directory": "%00"},
             "the root as a file": touched(""), "both directory and file": touched(directory=""), "neither": {"content": sha256(b"").hex()},
             "no content": {"file": "seed", "ranges": []}, "a range of no bytes": touched(ranges=[(0, 0)]),
             "ranges that overlap": touched(ranges=[(0, 2), (1, 2)]), "ranges out of order": touched(ranges=[(5, 1), (0, 1)]),
             "a range beyond 2^63-1": touched(ranges=[(2**63 - 1, 1)]), "half a range": touched(ranges=[(1,)])}
    return [{"why": why, "text": trace_of(entry)} for why, entry in cases.items()] + [
        {"why": "of a later format", "text": trace_of(format=2)}, {"why": "of no snapshot", "text": trace_of(snapshot="main")},
        {"why": "cut short", "text": trace_of(touched())[:-1]}, {"why": "of another kind", "text": trace_of(granary="note")}]


def main():
    json.dump({
        "about": "Test vectors of docs/format.md, section 10. Bytes are hexadecimal. They never change; more may be added.",
        "objects": list(objects()), "bad_objects": bad_objects(),
        "slice_lists": list(slice_lists()), "bad_slice_lists": bad_slice_lists(),
        "xattr_lists": list(xattr_lists()), "bad_xattr_lists": bad_xattr_lists(),
        "nodes": list(nodes()), "trees": list(trees()), "signed": signed(), "catalog_indexes": catalog_indexes(),
        "plans": list(plans()), "bad_plans": bad_plans(), "traces": traces(), "bad_traces": bad_traces(),
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
