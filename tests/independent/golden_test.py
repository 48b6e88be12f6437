#!/usr/bin/python3
"""Every golden repository, one for each version of the format, is read and found as it was when it was made."""
import os
import tempfile
import unittest

from repositories_test import run

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../format/golden")


def expected_snapshots(path):
    """(options, tree digest, lines of list) for each snapshot that expected.txt tells of."""
    with open(path, encoding="ascii") as file:
        for section in ("\n" + file.read()).split("\n== ")[1:]:
            title, _, lines = section.partition("\n")
            *options, digest = title.split()
            yield options, digest, lines.rstrip("\n").splitlines()


class GoldenTest(unittest.TestCase):
    def test_every_golden_repository_is_read(self):
        versions = sorted(os.listdir(GOLDEN))
        self.assertIn("v1", versions)
        for version in versions:
            at = lambda name: os.path.join(GOLDEN, version, name)
            for options, digest, lines in expected_snapshots(at("expected.txt")):
                with self.subTest(version, options=options), tempfile.TemporaryDirectory(prefix="granary-golden-") as out:
                    where = [at("repo"), "--trust", at("trust.json"), "--archive", *options]
                    status, listed, messages = run("list", *where)
                    self.assertEqual((status, listed.splitlines()), (0, lines), messages)
                    status, said, messages = run("digest", *where)
                    self.assertEqual((status, said.strip()), (0, digest), messages)
                    if os.geteuid() == 0:
                        self.assertEqual(run("extract", where[0], out, *where[1:])[0], 0)
                        self.assertEqual(run("digest", "--directory", out)[1].strip(), digest)


if __name__ == "__main__":
    unittest.main()
