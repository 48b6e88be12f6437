#!/usr/bin/python3
"""Repositories with one oddity each: a reader must take the good ones and refuse the bad ones (docs/format.md).

  cases.py DIR   makes them all: DIR/NAME/{repo,trust.json}, and DIR/cases.txt with lines "NAME VERDICT OPTIONS"; verdicts:

good    is to be read                        rows   bad rows in a catalog, signed: seen by reading all of it
bytes   a damaged catalog file or object     signed a document that must not be believed: seen at once
record  the catalog contradicts the record
"""
import base64
import os
import sqlite3
import struct
import sys

from make_repo import RELEASE, ROOT, ROOT_2, TIMESTAMP, UUID, Key, Writer, format, publish, roles, seal

STRANGER, LIMITED, OTHER_UUID = Key("stranger"), Key("limited"), UUID.replace("6", "7")


def make_source(top):
    """A small tree: files in a pack and of many slices, a hole, a hard link, a symlink, a fifo."""
    os.makedirs(os.path.join(top, "dir/inner"))
    files = {"a": b"grain", "dir/b": b"seed", "dir/empty": b"", "big": bytes(range(256)) * 1000}
    for name, content in files.items():
        with open(os.path.join(top, name), "wb") as file:
            file.write(content)
    with open(os.path.join(top, "sparse"), "wb") as file:
        file.truncate(300000)
        file.write(b"x")
    os.link(os.path.join(top, "a"), os.path.join(top, "dir/inner/a"))
    os.symlink("a", os.path.join(top, "link"))
    os.mkfifo(os.path.join(top, "fifo"))


def sql(*statements):
    def change(database):
        db = sqlite3.connect(database, isolation_level=None)
        db.execute("PRAGMA synchronous=off")
        for statement in statements:
            db.execute(statement)
        db.close()
    return change


def patch(at, raw):
    """Overwrites bytes of the database file."""
    def change(database):
        with open(database, "r+b") as file:
            file.seek(at)
            file.write(raw)
    return change


def new_row(kind, columns):
    values = {"parent": 1, "name": "x'7a'", "inode": 5000, "type": kind, "mode": 0, "uid": 0, "gid": 0, "mtime": 0, "mtime_ns": 0,
              "nlink": 1, "size": 0, **columns}
    return f"INSERT INTO entry({','.join(values)}) VALUES({','.join(map(str, values.values()))})"


B = " WHERE name=CAST('b' AS BLOB)"
BIG = "(SELECT inode FROM entry WHERE name=CAST('big' AS BLOB))"
ROWS = {
    "name-with-slash": "UPDATE entry SET name=CAST('b/c' AS BLOB)" + B,
    "name-with-nul": "UPDATE entry SET name=x'620063'" + B,
    "name-dot": "UPDATE entry SET name=CAST('..' AS BLOB)" + B,
    "name-empty": "UPDATE entry SET name=x''" + B,
    "name-is-text": "UPDATE entry SET name='b'" + B,
    "name-too-long": "UPDATE entry SET name=zeroblob(256)" + B,
    "mode-too-large": "UPDATE entry SET mode=32768" + B,
    "mode-other": "UPDATE entry SET mode=mode|2048" + B,
    "uid-negative": "UPDATE entry SET uid=-1" + B,
    "uid-is-text": "UPDATE entry SET uid='root'" + B,
    "mtime-ns-too-large": "UPDATE entry SET mtime_ns=1000000000" + B,
    "type-unknown": "UPDATE entry SET type=8" + B,
    "inode-reserved": "UPDATE entry SET inode=5" + B,
    "inode-too-large": "UPDATE entry SET inode=281474976710656" + B,
    "link-count-wrong": "UPDATE entry SET nlink=2" + B,
    "directory-link-count-wrong": "UPDATE entry SET nlink=2 WHERE inode=1",
    "directory-size-wrong": "UPDATE entry SET size=size+1 WHERE inode=1",
    "directory-digest-wrong": "UPDATE entry SET digest=zeroblob(32) WHERE name=CAST('dir' AS BLOB)",
    "file-size-wrong": "UPDATE entry SET size=size+1" + B,
    "file-digest-missing": "UPDATE entry SET digest=NULL" + B,
    "file-digest-short": "UPDATE entry SET digest=zeroblob(31)" + B,
    "fifo-with-data": "UPDATE entry SET data=x'00' WHERE type=6",
    "fifo-with-digest": "UPDATE entry SET digest=zeroblob(32) WHERE type=6",
    "symlink-without-target": "UPDATE entry SET data=NULL WHERE type=3",
    "symlink-other-target": "UPDATE entry SET data=CAST('b' AS BLOB) WHERE type=3",
    "device-number-short": "UPDATE entry SET type=4,data=x'01000000' WHERE type=6",
    "xattrs-empty-list": "UPDATE entry SET xattrs=x'00000000'" + B,
    "xattrs-damaged": "UPDATE entry SET xattrs=x'01000000ffffffff'" + B,
    "names-of-inode-differ": "UPDATE entry SET mtime=0 WHERE name=CAST('a' AS BLOB) AND parent=1",
    "slice-of-unknown-kind": "UPDATE entry SET data=x'0204'" + B,
    "slices-in-two-places": f"INSERT INTO slice SELECT inode,0,4,zeroblob(32),0 FROM entry{B}",
    "slices-with-gap": f"UPDATE slice SET start=start+1 WHERE inode={BIG} AND start>0",
    "slices-missing": f"DELETE FROM slice WHERE inode={BIG} AND start>0",
    "slice-object-short": f"UPDATE slice SET object=x'00' WHERE inode={BIG}",
    "slice-hole-with-offset": f"UPDATE slice SET object=NULL,offset=1 WHERE inode={BIG}",
    "slices-of-nobody": "INSERT INTO slice VALUES(777,0,1,NULL,0)",
    "link-group-missing": "DELETE FROM link_group",
    "link-group-too-many": "INSERT INTO link_group VALUES(1,17)",
    "property-entries-wrong": "UPDATE property SET value=value+1 WHERE name='entries'",
    "property-bytes-missing": "DELETE FROM property WHERE name='bytes'",
    "orphan": new_row(6, {"parent": 4000}),
    "child-of-a-file": f"UPDATE entry SET parent={BIG}" + B,
    "root-twice": new_row(2, {"parent": 0, "nlink": 2, "digest": "zeroblob(32)"}),
    "root-as-child": new_row(2, {"inode": 1, "nlink": 2, "digest": "zeroblob(32)"}),
    "directory-of-two-parents": "INSERT INTO entry SELECT 1,CAST('z' AS BLOB),inode,type,mode,uid,gid,mtime,mtime_ns,nlink,size,digest,"
                                "data,xattrs FROM entry WHERE name=CAST('inner' AS BLOB)",
    "no-root": "DELETE FROM entry WHERE parent=0",
    "root-is-a-file": "UPDATE entry SET type=1,nlink=1,size=0,data=x'' WHERE parent=0",
}
BEYOND = "UPDATE entry SET inode=5000" + B
CYCLE = ["UPDATE entry SET parent=(SELECT inode FROM entry WHERE name=CAST('inner' AS BLOB)) WHERE name=CAST('dir' AS BLOB)"]

DATABASE = {
    "schema-other-column": sql("ALTER TABLE property ADD COLUMN more INTEGER"),
    "schema-extra-table": sql("CREATE TABLE more(x)"),
    "schema-extra-index": sql("CREATE INDEX more ON entry(size)"),
    "schema-view": sql("CREATE VIEW more AS SELECT * FROM entry"),
    "schema-trigger": sql("CREATE TRIGGER more AFTER INSERT ON entry BEGIN DELETE FROM entry; END"),
    "schema-missing-index": sql("DROP INDEX entry_inode"),
    "schema-statistics": sql("ANALYZE"),
    "database-user-version": sql("PRAGMA user_version=2"),
    "database-application-id": sql("PRAGMA application_id=0"),
    "database-page-size": sql("PRAGMA page_size=4096", "VACUUM"),
    "database-encoding": patch(56, struct.pack(">I", 2)),
    "database-auto-vacuum": sql("PRAGMA auto_vacuum=FULL", "VACUUM"),
    "database-wal": patch(18, b"\2\2"),
    "database-magic": patch(0, b"sqlite"),
    "database-page-count": patch(28, struct.pack(">I", 900)),
    "database-garbage": patch(100, b"\xff" * 16000),
}


def changed(at, raw):
    return lambda index: index[:at] + raw + index[at + len(raw):]


INDEX = {
    "index-magic": changed(0, b"GRNX"), "index-version": changed(4, b"\2"), "index-levels": changed(5, b"\2"),
    "index-reserved": changed(6, b"\1"), "index-page-size": changed(8, b"\0\x10"), "index-group-size": changed(12, b"\x08"),
    "index-page-count": changed(16, b"\xff"), "index-trailing-byte": lambda index: index + b"x",
    "index-cut-short": lambda index: index[:-1], "index-inlined-page-differs": lambda index: index[:-1] + b"\xff",
    "index-empty": lambda index: b"", "index-group-missing": changed(28, bytes(32)),
}


class Builder:
    """Makes one repository; the keyword arguments say what is odd about it."""

    def __init__(self, source, place):
        self.source, self.repo, self.trust = source, os.path.join(place, "repo"), os.path.join(place, "trust.json")

    def build(self, change=None, change_index=None, snapshot=None, statement=None, statement_key=RELEASE, record=None,
              record_key=RELEASE, head=None, timestamp_key=TIMESTAMP, expires=30 * 86400, trust=None, root=None,
              root_signers=(ROOT,), second_root=None, release=None, release_threshold=1, before=None, trust_version=1, before_head=None,
              forget_record=False, inodes=0):
        self.writer = writer = Writer(self.repo)
        keys = [ROOT, ROOT_2, RELEASE, TIMESTAMP, LIMITED]
        writer.root(1, keys, roles([ROOT], 1, release, release_threshold), root_signers, root or {})
        writer.record(record_key, {"do": "init"})
        writer.snapshot_members = snapshot or {}
        signed = publish(writer, self.source, (), change, change_index)
        writer.next_inode += inodes
        statement = {"sequence": 2, **(statement or {})}
        if before:
            statement.update(before(self, signed))
        writer.branches["main"] = writer.statement(statement_key, **{"kind": "branch", "name": "main", "snapshot": signed[0],
                                                                     "tree": signed[1], "catalog": signed[2], **statement})
        writer.record(record_key, {"do": "publish", "branch": "main"}, **(record or {}))
        if second_root:
            second_root(writer, keys)
        if second_root and not forget_record:
            writer.record(record_key, {"do": "rotate"})
        if before_head:
            before_head(writer)
        writer.head(timestamp_key, expires, **(head or {}))
        writer.trust(self.trust, trust_version, **(trust or {}))



def flip(writer):
    """Damages every object that holds content of files."""
    for directory, _, names in os.walk(os.path.join(writer.place, "objects")):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                raw = file.read()
            plain = format.decode_object(raw, name)
            if plain[:4] not in (b"GRNC", b"SQLi") and plain[:1] != b"{":
                with open(path, "wb") as file:
                    file.write(raw[:-1] + bytes([raw[-1] ^ 1]))


def cut_log(writer):
    """The second writer's log without its last record: a publisher that died after the swap."""
    os.remove(os.path.join(writer.place, "log", f"{len(writer.records)}.json"))


def second_root_signed_by(*signers, version=2, uuid=UUID, owners=(ROOT_2,)):
    def second(writer, keys):
        writer.root(version, keys, roles(owners, len(owners)), signers, {"repository": uuid})
    return second


def several_release_keys(limits):
    return [{"id": RELEASE.id}, {"id": LIMITED.id, **limits}]


def write_in_place(path, content, time=None):
    """Changes a file's content but not its times, unless a time is given."""
    known = os.stat(path).st_mtime_ns
    if content is not None:
        with open(path, "r+b") as file:
            file.write(content)
    os.utime(path, ns=(time or known,) * 2)


def base_of(differing=True, sign=RELEASE, branch="main", path="dir/b", content=b"SEED", back=b"seed", time=None):
    """The limited key's statement rests on one for the tree before: the same one, or one that differs at `path`."""
    def before(builder, signed):
        if differing:
            place = os.path.join(builder.source, path)
            known = os.stat(place).st_mtime_ns
            write_in_place(place, content, time)
            try:
                signed = publish(builder.writer, builder.source)
            finally:
                write_in_place(place, back, known)
        return {"base": builder.writer.statement(sign, "branch", branch, *signed, 1, branch)}
    return before


TIME_OF = dict(content=None, back=None, time=1_000_000_000)


def unusual_signatures(writer):
    odd = [{"algorithm": "quantum", "keyid": RELEASE.id, "sig": "AAAA"}, {"algorithm": "ed25519", "keyid": "00" * 32, "sig": "AAAA"}]
    writer.records[-1]["signatures"] = odd + writer.records[-1]["signatures"]


def twice_the_same_signature(writer):
    writer.roots[0]["signatures"] *= 2


def padded(writer):
    writer.records[-1]["signatures"][0]["sig"] = writer.records[-1]["signatures"][0]["sig"].rstrip("=")


def other_type(writer):
    writer.records[-1]["payloadType"] = "application/vnd.granary.release+json"


def signed_garbage(writer):
    writer.records[-1] = seal(b'{"granary":"record"', "application/vnd.granary.record+json", RELEASE)


def altered_payload(writer):
    payload = base64.b64decode(writer.records[-1]["payload"]).replace(b'"do":"publish"', b'"do":"PUBLISH"')
    writer.records[-1]["payload"] = base64.b64encode(payload).decode()


def too_long_chain(builder, signed):
    base = builder.writer.statement(RELEASE, "branch", "main", *signed, 1)
    for sequence in range(2, 18):
        base = builder.writer.statement(LIMITED, "branch", "main", *signed, sequence, base=base)
    builder.writer.records *= 20
    return {"base": base, "sequence": 18}


LIMITS = dict(release=several_release_keys({"paths": ["/dir"]}), statement_key=LIMITED)
TWO = dict(release=[{"id": ROOT_2.id}] + several_release_keys({"paths": ["/dir"]}), release_threshold=2, statement_key=[RELEASE, LIMITED],
           record_key=[RELEASE, LIMITED])
GOOD = {
    "plain": {}, "unused-inodes": dict(inodes=1000), "unknown-members": dict(record={"later": {"x": [1, "2"]}}, head={"later": 1}),
    "unknown-signatures": dict(before_head=unusual_signatures), "log-lacks-the-head": dict(before_head=cut_log),
    "second-root": dict(second_root=second_root_signed_by(ROOT, ROOT_2)),
    "trust-in-second-root": dict(second_root=second_root_signed_by(ROOT, ROOT_2), trust_version=2),
    "critical-but-known": dict(record={"critical": ["names"]}), "minimum-reached": dict(trust={"minimum_revision": 2}),
    "limited-to-branch": dict(release=several_release_keys({"branches": ["main"]}), statement_key=LIMITED),
    "limited-to-path": dict(**LIMITS, before=base_of(True)), "limited-but-nothing-changed": dict(**LIMITS, before=base_of(False)),
    "limited-time-of-directory-above": dict(release=several_release_keys({"paths": ["/dir/b"]}), statement_key=LIMITED,
                                            before=base_of(path="dir", **TIME_OF)),
    "limited-second-signer": dict(**TWO, before=base_of(True, [RELEASE, ROOT_2])), "limited-everywhere": dict(
        release=several_release_keys({"paths": ["/"]}), statement_key=LIMITED),
}
SIGNED = {
    "record-by-stranger": dict(record_key=STRANGER), "timestamp-by-stranger": dict(timestamp_key=STRANGER),
    "timestamp-by-release-key": dict(timestamp_key=RELEASE), "statement-by-stranger": dict(statement_key=STRANGER),
    "statement-by-timestamp-key": dict(statement_key=TIMESTAMP), "root-by-stranger": dict(root_signers=(STRANGER,)),
    "expired": dict(expires=-60), "record-altered": dict(before_head=altered_payload), "record-other-type": dict(before_head=other_type),
    "record-garbage": dict(before_head=signed_garbage), "signature-unpadded": dict(before_head=padded),
    "record-format-2": dict(record={"format": 2}), "record-critical-unknown": dict(record={"critical": ["later"], "later": 1}),
    "record-of-other-repository": dict(record={"repository": OTHER_UUID}), "record-other-kind": dict(record={"granary": "timestamp"}),
    "record-lacks-root": dict(record={"root_version": 2}), "record-next-inode": dict(record={"next_inode": 3}),
    "record-with-other-previous": dict(record={"previous": 7}), "record-with-ancestor": dict(record={"ancestors": {"7": "00" * 32}}),
    "record-names-missing": dict(record={"names": "00" * 32}), "record-revision-zero": dict(record={"revision": 0}),
    "record-fraction": dict(record={"revision": 1.5}), "record-bad-time": dict(record={"time": "2026-02-30T00:00:00Z"}),
    "branch-bad-name": dict(record={"branches": {"../main": {}}}),
    "statement-of-other-repository": dict(statement={"repository": OTHER_UUID}), "statement-for-other-name": dict(statement={"name": "x"}),
    "statement-for-tag": dict(statement={"kind": "tag"}), "statement-of-other-branch": dict(statement={"branch": "x"}),
    "statement-from-later": dict(statement={"sequence": 3}), "statement-other-tree": dict(statement={"tree": bytes(32)}),
    "statement-other-catalog": dict(statement={"catalog": bytes(32)}), "snapshot-of-other-repository": dict(snapshot={"repository": OTHER_UUID}),
    "snapshot-other-tree": dict(snapshot={"tree": "00" * 32}), "snapshot-other-kind": dict(snapshot={"granary": "names"}),
    "second-root-not-by-first": dict(second_root=second_root_signed_by(ROOT_2)),
    "second-root-not-by-itself": dict(second_root=second_root_signed_by(ROOT)),
    "second-root-is-third": dict(second_root=second_root_signed_by(ROOT, ROOT_2, version=3)),
    "second-root-of-other-repository": dict(second_root=second_root_signed_by(ROOT, ROOT_2, uuid=OTHER_UUID)),
    "second-root-without-record": dict(second_root=lambda writer, keys: writer.root(2, keys, roles([ROOT_2]), [ROOT, ROOT_2]),
                                       record={"root_version": 1}, forget_record=True),
    "second-root-below-threshold": dict(second_root=second_root_signed_by(ROOT, ROOT_2, owners=(ROOT_2, LIMITED))),
    "root-below-threshold": dict(root={"roles": roles([ROOT, ROOT_2], 2)}),
    "root-same-key-twice": dict(root={"roles": roles([ROOT, ROOT_2], 2)}, before_head=twice_the_same_signature),
    "root-threshold-zero": dict(root={"roles": roles([ROOT], 0)}),
    "root-key-with-other-id": dict(root={"keys": {RELEASE.id: {"algorithm": "ed25519", "public": base64.b64encode(STRANGER.public).decode()}}}),
    "root-minimum-not-reached": dict(root={"minimum_revision": 3}), "trust-minimum-not-reached": dict(trust={"minimum_revision": 3}),
    "trust-of-other-repository": dict(trust={"repository": OTHER_UUID}), "head-format-2": dict(head={"format": 2}),
    "head-without-roots": dict(head={"roots": []}), "head-is-older-than-trust": dict(
        second_root=second_root_signed_by(ROOT, ROOT_2), trust_version=2, head_cut=True),
    "limited-to-other-branch": dict(release=several_release_keys({"branches": ["dev"]}), statement_key=LIMITED),
    "limited-without-base": LIMITS, "limited-base-by-stranger": dict(**LIMITS, before=base_of(False, STRANGER)),
    "limited-base-of-other-branch": dict(**LIMITS, before=base_of(False, RELEASE, "dev")),
    "limited-outside-its-path": dict(release=several_release_keys({"paths": ["/dir/inner"]}), statement_key=LIMITED, before=base_of(True)),
    "limited-path-is-no-prefix": dict(release=several_release_keys({"paths": ["/di"]}), statement_key=LIMITED, before=base_of(True)),
    "limited-second-signer-outside": dict(**TWO, before=base_of(True, [RELEASE, ROOT_2], path="a", content=b"GRAIN", back=b"grain")),
    "limited-second-signer-missing": dict(**{**TWO, "statement_key": RELEASE}),
    "limited-time-of-directory-beside": dict(**LIMITS, before=base_of(path="fifo", **TIME_OF)),
    "root-role-key-missing": dict(root={"roles": roles([ROOT], 1, [{"id": RELEASE.id}, {"id": STRANGER.id}])}),
    "root-role-key-twice": dict(root={"roles": roles([ROOT, ROOT], 2)}),
    "root-bad-path": dict(root={"roles": roles([ROOT], 1, [{"id": RELEASE.id}, {"id": LIMITED.id, "paths": ["/a/../b"]}])}),
    "limited-chain-too-long": dict(**LIMITS, before=too_long_chain),
}
BYTES = {"objects-damaged": dict(before_head=flip)}


def all_cases():
    """name → (verdict, what Builder.build is told, options of the reader)"""
    out = {name: ("good", odd, []) for name, odd in GOOD.items()}
    out["good-expired-in-archive"] = ("good", dict(expires=-60), ["--archive"])
    out.update({name: ("signed", odd, []) for name, odd in SIGNED.items()})
    out.update({name: ("rows", dict(change=sql(statement)), []) for name, statement in ROWS.items()})
    out["inode-beyond-next"] = ("record", dict(change=sql(BEYOND)), [])
    out["directory-cycle"] = ("rows", dict(change=sql(*CYCLE)), [])
    out.update({name: ("bytes", dict(change=change), []) for name, change in DATABASE.items()})
    out.update({name: ("bytes", dict(change_index=change), []) for name, change in INDEX.items()})
    out.update({name: ("bytes", odd, []) for name, odd in BYTES.items()})
    return out


def make_case(source, place, odd):
    odd = dict(odd)
    if odd.pop("head_cut", False):
        odd["before_head"] = lambda writer: setattr(writer, "head", cut_head(writer))
    builder = Builder(source, place)
    builder.build(**odd)
    return builder.repo, builder.trust


def cut_head(writer):
    head = type(writer).head

    def write(key, expires, **more):
        head(writer, key, expires, roots=writer.roots[:1], **more)
    return write


def main(place):
    source = os.path.join(place, "source")
    make_source(source)
    with open(os.path.join(place, "cases.txt"), "w") as file:
        for name, (verdict, odd, options) in all_cases().items():
            make_case(source, os.path.join(place, name), odd)
            print(name, verdict, *options, file=file)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
