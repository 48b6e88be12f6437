#!/usr/bin/python3
"""The tree comparison must see every kind of difference: each test makes one and looks for its name."""
import os
import subprocess
import sys
import tempfile
import unittest

COMPARE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support/compare_trees.py")
TIME_NS = 1_600_000_000_000_000_123


class CompareTreesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.one, self.two = os.path.join(folder.name, "one"), os.path.join(folder.name, "two")
        for top in (self.one, self.two):
            os.makedirs(os.path.join(top, "d"))
            with open(os.path.join(top, "d/file"), "w") as out:
                out.write("content")
            os.link(os.path.join(top, "d/file"), os.path.join(top, "d/again"))
            os.symlink("file", os.path.join(top, "d/link"))
            self.settle(top)

    def settle(self, top):
        for folder, folders, files in os.walk(top, topdown=False):
            for name in files + folders:
                os.utime(os.path.join(folder, name), ns=(TIME_NS, TIME_NS), follow_symlinks=False)
        os.utime(top, ns=(TIME_NS, TIME_NS))

    def compare(self, *options):
        ran = subprocess.run([sys.executable, COMPARE, *options, self.one, self.two], capture_output=True, text=True)
        return ran.returncode, ran.stdout

    def differs(self, what):
        status, output = self.compare()
        self.assertEqual(status, 1, output)
        self.assertIn(what, output)

    def in_two(self, name):
        return os.path.join(self.two, name)

    def test_equal_trees_are_the_same(self):
        status, output = self.compare("--holes")
        self.assertEqual(status, 0, output)
        self.assertIn("same: 5 entries", output)

    def test_a_missing_and_an_extra_entry_are_seen(self):
        os.rename(self.in_two("d/link"), self.in_two("d/other"))
        self.differs("d/link: missing")
        self.differs("d/other: only in the copy")

    def test_one_nanosecond_is_seen(self):
        os.utime(self.in_two("d/file"), ns=(TIME_NS, TIME_NS + 1))
        self.differs("d/file: mtime")

    def test_mode_is_seen_and_can_be_ignored(self):
        os.chmod(self.in_two("d/file"), 0o600)
        self.differs("mode")
        self.assertEqual(self.compare("--ignore", "mode,mtime")[0], 0)

    def test_one_byte_is_seen(self):
        with open(self.in_two("d/file"), "r+") as out:
            out.write("CONTENt")
        self.settle(self.two)
        self.differs("bytes differ from offset 0")

    def test_size_is_seen(self):
        os.truncate(self.in_two("d/file"), 3)
        self.settle(self.two)
        self.differs("size 7 became 3")

    def test_a_link_target_is_seen(self):
        os.unlink(self.in_two("d/link"))
        os.symlink("elsewhere", self.in_two("d/link"))
        self.settle(self.two)
        self.differs("target")

    def test_a_broken_hard_link_is_seen(self):
        os.unlink(self.in_two("d/again"))
        with open(self.in_two("d/again"), "w") as out:
            out.write("content")
        self.settle(self.two)
        self.differs("hard-link group of 2")

    def test_an_xattr_is_seen_unless_it_is_ours(self):
        try:
            os.setxattr(self.in_two("d/file"), "user.granary.digest", b"x")
            self.assertEqual(self.compare()[0], 0)
            os.setxattr(self.in_two("d/file"), "user.comment", b"x")
        except OSError as error:
            self.skipTest(f"no user xattrs here: {error}")
        self.differs("xattrs")

    def test_a_changed_type_is_seen(self):
        os.unlink(self.in_two("d/link"))
        os.mkfifo(self.in_two("d/link"))
        self.differs("type")


if __name__ == "__main__":
    unittest.main()
