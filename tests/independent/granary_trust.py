"""Signed documents, from trust file and head to a snapshot: section 7 of docs/format.md, for granary_reader.py.

Needs python3-cryptography.
"""
import base64
import binascii
import datetime
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from granary_format import MAX_HEAD, Node, Refused, link_groups, need, read_catalog, sha256, show, tree_digest, walk, warn


def matching(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def natural(value):
    return type(value) is int and 0 <= value < 1 << 63


def positive(value):
    return natural(value) and value > 0


def is_time(value):
    try:
        return bool(datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")) and len(value) == 20
    except (TypeError, ValueError):
        return False


def is_branch(value):
    return (matching(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,127}")(value)
            and not any(part in ("", ".", "..") for part in value.split("/")))


def is_path(value):
    return value == "/" or matching("(/[^/\\0]+)+")(value) and not {".", ".."} & set(value.split("/"))


def is_object(value):
    return type(value) is dict


def is_text(value):
    return type(value) is str


DIGEST, UUID = matching("[0-9a-f]{64}"), matching("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REPOSITORY_NAME = matching("[a-z0-9.-]{1,255}")
DOCUMENTS = {  # the members that a document of each kind has; "?" marks those that may be absent
    "root": {"repository": UUID, "name": REPOSITORY_NAME, "version": positive, "time": is_time, "keys": is_object,
             "roles": is_object, "minimum_revision?": natural},
    "release": {"repository": UUID, "kind": ("branch", "tag").__contains__, "name": is_branch, "branch": is_branch,
                "snapshot": DIGEST, "tree": DIGEST, "catalog": DIGEST, "time": is_time, "sequence": positive, "base?": is_object},
    "record": {"repository": UUID, "name": REPOSITORY_NAME, "revision": positive, "previous?": DIGEST, "ancestors": is_object,
               "time": is_time, "root_version": positive, "next_inode": lambda value: natural(value) and value >= 16,
               "branches": is_object, "names": DIGEST, "action": is_object},
    "snapshot": {"repository": UUID, "tree": DIGEST, "catalog": DIGEST, "parents": lambda value: type(value) is list
                 and all(map(DIGEST, value)), "time": is_time, "branch": is_branch, "message": is_text, "entries": positive,
                 "bytes": natural},
    "names": {"tags": is_object, "withdrawn": is_object, "retention": is_object, "notes": is_object},
    "timestamp": {"repository": UUID, "revision": positive, "record": DIGEST, "time": is_time, "expires": is_time},
    "note": {"repository": UUID, "snapshot": DIGEST, "kind": is_text, "time": is_time, "name?": is_text,
             "base?": is_text, "plan?": is_text, "trace?": is_text, "objects?": natural, "bytes?": natural},
    "trace": {"repository": UUID, "snapshot": DIGEST, "time": is_time, "entries": lambda value: type(value) is list},
    "head": {"roots": lambda value: type(value) is list, "record": is_object, "timestamp": is_object},
    "trust": {"repository": UUID, "name": REPOSITORY_NAME, "root": is_object, "minimum_revision?": natural},
}


def parse_json(raw, what):
    def members(pairs):
        need(len(dict(pairs)) == len(pairs), what, "has a member twice")
        return dict(pairs)

    def refuse(text):
        raise Refused(f"{what} holds the number {text}")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=members, parse_float=refuse, parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # no half surrogates
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what} is not JSON: {error}")
    need(type(value) is dict, what, "is not a JSON object")
    return value


def parse_document(raw, kind):
    return check_document(parse_json(raw, kind), kind)


def check_document(document, kind):
    need(document.get("granary") == kind, "expected a document of kind", kind)
    need(document.get("format") == 1, f"{kind} has format {document.get('format')}: a newer Granary is needed")
    known = {"granary", "format", "critical"} | {member.rstrip("?") for member in DOCUMENTS[kind]}
    critical = document.get("critical", [])
    need(type(critical) is list and all(map(is_text, critical)), kind, "has a bad member critical")
    need(known >= set(critical), f"{kind} has critical members that we do not know: a newer Granary is needed")
    for member, check in DOCUMENTS[kind].items():
        name = member.rstrip("?")
        need(check(document[name]) if name in document else member.endswith("?"), kind, "has a bad or no member", name)
    return document


def unbase64(text, what):
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, TypeError, binascii.Error):
        raw = None
    need(raw is not None and base64.b64encode(raw).decode() == text, what, "holds bad base64")
    return raw


def key_id(public):
    return sha256(b"ed25519:" + public).hex()


def signed_by(envelope, kind, keys):
    """(payload, the ids among keys whose signatures are good); keys: id → public key"""
    need(is_object(envelope) and envelope.get("payloadType") == f"application/vnd.granary.{kind}+json", "not an envelope of a", kind)
    payload = unbase64(envelope.get("payload"), kind)
    type_, good = envelope["payloadType"].encode(), set()
    message = b"DSSEv1 %d %s %d %s" % (len(type_), type_, len(payload), payload)
    need(type(envelope.get("signatures")) is list and len(envelope["signatures"]) <= 64 and all(map(is_object, envelope["signatures"])), kind, "has no signatures")
    for signature in envelope["signatures"]:
        keyid = signature.get("keyid")
        if signature.get("algorithm") == "ed25519" and is_text(keyid) and keyid in keys:
            try:
                Ed25519PublicKey.from_public_bytes(keys[keyid]).verify(unbase64(signature.get("sig"), kind), message)
                good.add(keyid)
            except InvalidSignature:
                pass
    return payload, good


class Root:
    def __init__(self, document):
        self.document, self.version = document, document["version"]
        self.keys, self.roles = {}, document["roles"]
        for keyid, key in document["keys"].items():
            if is_object(key) and key.get("algorithm") == "ed25519":
                public = unbase64(key.get("public"), "root")
                need(len(public) == 32 and key_id(public) == keyid, "root has a key with a wrong id")
                self.keys[keyid] = public
        for name in "root", "release", "timestamp":
            role = self.roles.get(name)
            need(is_object(role) and positive(role.get("threshold")) and type(role.get("keys")) is list
                 and all(is_object(key) and key.get("id") in document["keys"] for key in role["keys"])
                 and role["threshold"] <= len(role["keys"]) == len({key["id"] for key in role["keys"]}), "root has a bad role", name)
            for key in role["keys"]:
                need(all(map(is_branch, key.get("branches", []))) and all(map(is_path, key.get("paths", []))), "root has bad limits")

    def public_keys(self, role):
        return {key["id"]: self.keys[key["id"]] for key in self.roles[role]["keys"] if key["id"] in self.keys}

    def check(self, envelope, role, kind):
        payload, good = signed_by(envelope, kind, self.public_keys(role))
        need(len(good) >= self.roles[role]["threshold"], f"{kind} is not signed by enough {role} keys")
        return payload


def first_root(envelope):
    """The root that we start from; it must at least be signed by itself."""
    payload, _ = signed_by(envelope, "root", {})
    root = Root(parse_document(payload, "root"))
    root.check(envelope, "root", "root")
    return root


def next_root(root, envelope):
    payload = root.check(envelope, "root", "root")  # by the old keys, before it is parsed
    after = Root(parse_document(payload, "root"))
    after.check(envelope, "root", "root")  # and by its own
    need(after.version == root.version + 1, "root", after.version, "follows root", root.version)
    need(after.document["repository"] == root.document["repository"], "root", after.version, "belongs to another repository")
    return after


def ancestors_of(revision):
    steps = [1 << k for k in range(1, 63) if revision % (1 << k) == 0]
    return {str(revision - step) for step in steps if revision > step}


class Head:
    """The verified head of a repository."""

    def __init__(self, repository, trust_file=None, archive=False):
        self.repository = repository
        head = parse_document(repository.file("head.json", MAX_HEAD), "head")
        need(head["roots"], "head has no roots")
        if trust_file:
            with open(trust_file, "rb") as file:
                trust = parse_document(file.read(MAX_HEAD), "trust")
        else:
            warn("no --trust: taking the repository's own first root, which proves nothing about who made it")
            trust = {"root": head["roots"][0]}
        root = first_root(trust["root"])
        self.uuid = root.document["repository"]
        need(trust.get("repository", self.uuid) == self.uuid, "trust file contradicts itself about the repository")
        need(len(head["roots"]) >= root.version, "head has only", len(head["roots"]), "roots; the trust file is newer")
        for envelope in head["roots"][root.version:]:
            root = next_root(root, envelope)
        self.root = root

        timestamp = self.document(root.check(head["timestamp"], "timestamp", "timestamp"), "timestamp")
        payload = root.check(head["record"], "release", "record")
        self.record = record = self.document(payload, "record")
        need((timestamp["revision"], timestamp["record"]) == (record["revision"], sha256(payload).hex()),
             "timestamp and record do not belong together")
        need(record["root_version"] == root.version, "record wants root", record["root_version"], "and head ends with", root.version)
        minimum = max(trust.get("minimum_revision", 0), root.document.get("minimum_revision", 0))
        need(record["revision"] >= minimum, "revision", record["revision"], "is below the minimum", minimum)
        need(("previous" in record) == (record["revision"] > 1), "record has a wrong member previous")
        need(set(record["ancestors"]) == ancestors_of(record["revision"]) and all(map(DIGEST, record["ancestors"].values())),
             "record has wrong ancestors")
        need(all(map(is_branch, record["branches"])), "record has a branch with a bad name")
        if timestamp["expires"] <= datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ"):
            need(archive, "timestamp expired at", timestamp["expires"] + "; --archive accepts it")
            warn("timestamp expired at", timestamp["expires"])
        self.names = parse_document(repository.object(bytes.fromhex(record["names"])), "names")

    def document(self, payload, kind):
        document = parse_document(payload, kind)
        need(document["repository"] == self.uuid, kind, "belongs to another repository")
        return document

    def statement(self, envelope, kind, name, depth=1):
        """A release statement: signed by enough keys that may do so (7.3)."""
        need(depth <= 16, "chain of statements is longer than 16")
        payload, good = signed_by(envelope, "release", self.root.public_keys("release"))
        need(good, "release statement is not signed by a release key")
        document = self.document(payload, "release")
        branch, role = document["branch"], self.root.roles["release"]
        need((kind, name) in ((document["kind"], document["name"]), (None, branch)), "statement speaks of another", kind or "branch")
        need(document["kind"] == "tag" or branch == document["name"], "statement for a branch names another branch")
        need(document["sequence"] <= self.record["revision"], "statement is newer than the record")
        signers = [key for key in role["keys"] if key["id"] in good and branch in key.get("branches", [branch])]
        need(len(signers) >= role["threshold"], "statement for", name, "is not signed by enough release keys")
        if not self.enough(signers, b""):
            need("base" in document, "statement by keys limited to paths has no base")
            base = self.statement(document["base"], None, branch, depth + 1)
            need(base["sequence"] < document["sequence"], "statement claims to change a later one")
            before, after = self.tree(base), self.tree(document)
            tops = {top for key in signers for top in limits_of(key) if self.enough(signers, top)}
            check_differences(before, after, tops)
        return document

    def enough(self, signers, path):
        """Whether as many of these keys as the threshold demands may change what is at and below a path."""
        return sum(any(below(path, top) for top in limits_of(key)) for key in signers) >= self.root.roles["release"]["threshold"]

    def snapshot(self, options):
        """The statement-like document (snapshot, tree, catalog) that options name."""
        if options.snapshot:
            need(DIGEST(options.snapshot), "a snapshot id has 64 hexadecimal digits")
            chosen = {"snapshot": options.snapshot}
        elif options.tag:
            need(options.tag in self.names["tags"], "no tag", options.tag)
            chosen = self.statement(self.names["tags"][options.tag], "tag", options.tag)
        else:
            branch = options.branch or "main"
            need(branch in self.record["branches"], "no branch", branch)
            chosen = self.statement(self.record["branches"][branch], "branch", branch)
        snapshot = self.document(self.repository.object(bytes.fromhex(chosen["snapshot"])), "snapshot")
        for member in "tree", "catalog", "branch":
            need(chosen.get(member, snapshot[member]) == snapshot[member], "statement and snapshot name different values of", member)
        if chosen["snapshot"] in self.names["withdrawn"]:
            warn("this snapshot was withdrawn:", self.names["withdrawn"][chosen["snapshot"]].get("reason"))
        return {**snapshot, "snapshot": chosen["snapshot"]}

    def tree(self, chosen):
        root, properties = read_catalog(self.repository, bytes.fromhex(chosen["catalog"]))
        need(max(node.inode for _, node in walk(root)) < self.record["next_inode"], "catalog has inode numbers beyond next_inode")
        need(tree_digest(root).hex() == chosen["tree"], "catalog has another tree digest than was signed")
        for name in "entries", "bytes":
            need(chosen.get(name, properties[name]) == properties[name], "snapshot and catalog differ in", name)
        return root


def check_differences(before, after, allowed):
    """Refuses trees that differ elsewhere than at or below the allowed paths."""
    trees = [{path: node for path, node in walk(root) if not any(below(path, top) for top in allowed)} for root in (before, after)]
    for path in trees[0].keys() | trees[1].keys():
        nodes = [tree.get(path) for tree in trees]
        need(all(nodes), "/" + show(path), "was changed by a key that is limited to other paths")
        inner = {"digest": b"", "mtime": 0, "mtime_ns": 0} if any(below(top, path) for top in allowed) else {}
        encodings = [Node(**{**node.__dict__, **inner}).encode(b"") for node in nodes]
        need(encodings[0] == encodings[1], "/" + show(path), "was changed by a key that is limited to other paths")
    groups = [{frozenset(group) for found in link_groups(walk(root)).values() for group in found} for root in (before, after)]
    for group in groups[0] ^ groups[1]:
        need(all(any(below(path, top) for top in allowed) for path in group), "a hard-link group changed outside the key's paths")


def limits_of(key):
    """The paths that a release key may change, relative to the root."""
    return [path[1:].encode() for path in key.get("paths", ["/"])]


def below(path, top):
    return path == top or not top or path.startswith(top + b"/")
