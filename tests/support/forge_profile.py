#!/usr/bin/python3
"""Alters the profiles of a repository behind the publisher's back, as somebody who may sign records could.

  forge_profile.py REPO KEYS signature    every note's signature is turned into a wrong one
  forge_profile.py REPO KEYS repository   every note says that it is for another repository, and is signed well
"""
import base64
import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives import serialization

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../independent"))
from granary_format import decode_object  # noqa: E402
from make_repo import encode_object, seal, to_json  # noqa: E402


class Key:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.private = serialization.load_pem_private_key(file.read(), None)
        public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = hashlib.sha256(b"ed25519:" + public).hexdigest()


def document(envelope):
    return json.loads(base64.b64decode(envelope["payload"]))


def sealed(payload, envelope, key):
    return seal(to_json(payload), envelope["payloadType"], key)


def object_path(repo, name):
    return os.path.join(repo, "objects", name[:2], name[2:])


def forge(note, how, release):
    if how == "signature":
        note["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
        return note
    return sealed({**document(note), "repository": "11111111-2222-4333-8444-555555555555"}, note, release)


def main(repo, keys, how):
    release, timestamp = (Key(os.path.join(keys, name + ".key")) for name in ("release", "timestamp"))
    with open(os.path.join(repo, "head.json"), "rb") as file:
        head = json.load(file)
    record = document(head["record"])
    with open(object_path(repo, record["names"]), "rb") as file:
        names = json.loads(decode_object(file.read(), "names"))
    names["notes"] = {snapshot: [forge(note, how, release) for note in notes] for snapshot, notes in names["notes"].items()}
    plain = to_json(names)
    record["names"] = hashlib.sha256(plain).hexdigest()
    os.makedirs(os.path.dirname(object_path(repo, record["names"])), exist_ok=True)
    with open(object_path(repo, record["names"]), "wb") as file:
        file.write(encode_object(plain, 0))
    head["record"] = sealed(record, head["record"], release)
    stamp = document(head["timestamp"])
    stamp["record"] = hashlib.sha256(base64.b64decode(head["record"]["payload"])).hexdigest()
    head["timestamp"] = sealed(stamp, head["timestamp"], timestamp)
    with open(os.path.join(repo, "head.json"), "wb") as file:
        file.write(to_json(head))


if __name__ == "__main__":
    main(*sys.argv[1:])
