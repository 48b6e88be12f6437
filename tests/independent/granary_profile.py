"""Profiles: section 7.9 of docs/format.md, for granary_reader.py."""
import re

from granary_format import Input, need
from granary_trust import DIGEST, is_branch, is_object, is_text, natural, parse_document, signed_by

MAX_OBJECT, MAX_TRACE, MAX_PLANNED = 16 << 20, 16 << 20, 65_536
PROFILE_NOTE = {"name": is_branch, "base": DIGEST, "plan": DIGEST, "trace": DIGEST, "objects": natural, "bytes": natural}


def read_plan(plain):
    """[(digest, plain size)] in the order in which they are fetched"""
    source = Input(plain, "plan")
    need(source.take(4) == b"GRNP", "not a plan")
    need(source.unpack("<BBH") == (1, 0, 0), "plan of a version that we do not know: a newer Granary is needed")
    count, = source.unpack("<I")
    need(count <= MAX_PLANNED, "plan names too many objects")
    planned = [source.unpack("<32sI") for _ in range(count)]
    source.end()
    need(len({digest for digest, _ in planned}) == count, "plan names an object twice")
    need(all(1 <= size <= MAX_OBJECT for _, size in planned), "plan has an object of an impossible size")
    return planned


def read_path(text):
    need(is_text(text) and re.fullmatch("(?:[ -$&-~]|%[0-9A-F]{2})*", text), "trace has a badly written path")
    path = re.sub(b"%(..)", lambda found: bytes([int(found[1], 16)]), text.encode())
    spelt = b"".join(bytes([byte]) if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte for byte in path)
    need(spelt == text.encode(), "trace has a path in another spelling than its own")
    need(len(path) <= 4095 and b"\0" not in path, "trace has an impossible path")
    need(path == b"" or not {b"", b".", b".."} & set(path.split(b"/")), "trace has a path that is not in shortest form")
    return path


def read_trace(plain):
    """The document and [(path, content or None for a directory, [(offset, length)])] in order of first touch"""
    need(len(plain) <= MAX_TRACE, "trace is too long")
    document, touches = parse_document(plain, "trace"), []
    need(len(document["entries"]) <= 100_000, "trace has too many entries")
    for entry in document["entries"]:
        need(is_object(entry) and ("directory" in entry) != ("file" in entry), "trace has an entry that is neither file nor directory")
        if "directory" in entry:
            touches.append((read_path(entry["directory"]), None, []))
            continue
        need(DIGEST(entry.get("content")) and type(entry.get("ranges")) is list, "trace has an incomplete file")
        end = 0
        for piece in entry["ranges"]:
            need(type(piece) is list and len(piece) == 2 and all(map(natural, piece)), "trace has a bad range")
            need(piece[0] >= end and piece[1] > 0 and sum(piece) < 1 << 63, "trace has ranges that are empty, overlap or are out of order")
            end = sum(piece)
        touches.append((read_path(entry["file"]), bytes.fromhex(entry["content"]), [tuple(piece) for piece in entry["ranges"]]))
        need(touches[-1][0], "trace says that the root is a file")
    need(sum(len(ranges) for _, _, ranges in touches) <= 200_000, "trace has too many ranges")
    return document, touches


def find_profile(head, snapshot, name):
    """The newest note of that name which enough release keys in force have signed, for this snapshot of this repository."""
    role, best = head.root.roles["release"], None
    for envelope in head.names["notes"].get(snapshot, []):
        payload, good = signed_by(envelope, "note", head.root.public_keys("release"))
        if len(good) < role["threshold"]:
            continue
        note = head.document(payload, "note")
        if note["kind"] != "profile":
            continue
        need(all(check(note.get(member)) for member, check in PROFILE_NOTE.items()), "a profile note has a bad or no member")
        need(note["snapshot"] == snapshot, "a profile is filed under a snapshot that it was not signed for")
        if note["name"] == name and (best is None or note["time"] >= best["time"]):
            best = note
    need(best, "snapshot", snapshot, "has no profile", name, "that can be believed")
    return best


def read_profile(head, snapshot, name):
    """(note, plan, touches), each checked against the others"""
    note = find_profile(head, snapshot, name)
    plan = read_plan(head.repository.object(bytes.fromhex(note["plan"])))
    need((len(plan), sum(size for _, size in plan)) == (note["objects"], note["bytes"]), "plan and note count differently")
    trace, touches = read_trace(head.repository.object(bytes.fromhex(note["trace"])))
    need((trace["repository"], trace["snapshot"]) == (note["repository"], note["base"]), "trace and note speak of different snapshots")
    for digest, size in plan:
        need(len(head.repository.object(digest)) == size, "object", digest.hex(), "has another size than planned")
    return note, plan, touches
