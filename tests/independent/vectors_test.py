#!/usr/bin/python3
"""The second reader against tests/format/vectors.json: what must be read is read, what must be refused is refused."""
import json
import os
import unittest

import granary_format as reader
import granary_profile as profile
import granary_trust as trust

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "../format/vectors.json")) as file:
    VECTORS = json.load(file)


class VectorsTest(unittest.TestCase):
    def refuses(self, case, call):
        with self.subTest(case["why"]), self.assertRaises(reader.Refused):
            call()

    def test_objects_are_read(self):
        for case in VECTORS["objects"]:
            with self.subTest(case["name"]):
                plain = reader.decode_object(bytes.fromhex(case["file"]), "object")
                self.assertEqual(plain.hex(), case["plain"])
                self.assertEqual(reader.sha256(plain).hex(), case["digest"])

    def test_bad_objects_are_refused(self):
        for case in VECTORS["bad_objects"]:
            self.refuses(case, lambda: reader.decode_object(bytes.fromhex(case["file"]), "object"))

    def test_slices_are_read(self):
        for case in VECTORS["slice_lists"]:
            slices = reader.read_slices(bytes.fromhex(case["encoded"]), "file")
            self.assertEqual(slices, [(piece["object"] and bytes.fromhex(piece["object"]), piece["offset"], piece["length"])
                                      for piece in case["slices"]])

    def test_bad_slices_are_refused(self):
        for case in VECTORS["bad_slice_lists"]:
            row = (1, b"a", 16, 1, 0, 0, 0, 0, 0, 1, case["size"], bytes(32), bytes.fromhex(case["encoded"]), None)
            self.refuses(case, lambda: reader.read_entry_row(row, {}))

    def test_bad_xattrs_are_refused(self):
        for case in VECTORS["bad_xattr_lists"]:
            row = (1, b"a", 16, 6, 0, 0, 0, 0, 0, 1, 0, None, None, bytes.fromhex(case["encoded"]))
            self.refuses(case, lambda: reader.read_entry_row(row, {}))

    def test_plans_are_read(self):
        for case in VECTORS["plans"]:
            self.assertEqual(profile.read_plan(bytes.fromhex(case["encoded"])), [(bytes.fromhex(digest), size) for digest, size in case["objects"]])

    def test_bad_plans_are_refused(self):
        for case in VECTORS["bad_plans"]:
            self.refuses(case, lambda: profile.read_plan(bytes.fromhex(case["encoded"])))

    def test_traces_are_read(self):
        for case in VECTORS["traces"]:
            _, touches = profile.read_trace(case["text"].encode())
            self.assertEqual([[path.hex(), content and content.hex(), list(map(list, ranges))] for path, content, ranges in touches], case["touches"])

    def test_bad_traces_are_refused(self):
        for case in VECTORS["bad_traces"]:
            self.refuses(case, lambda: profile.read_trace(case["text"].encode()))

    def test_signatures_verify(self):
        signed = VECTORS["signed"]
        public = bytes.fromhex(signed["public"])
        self.assertEqual(trust.key_id(public), signed["keyid"])
        payload, good = trust.signed_by(json.loads(signed["envelope"]), "timestamp", {signed["keyid"]: public})
        self.assertEqual((payload.decode(), good), (signed["payload"], {signed["keyid"]}))


if __name__ == "__main__":
    unittest.main()
