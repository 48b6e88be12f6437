#!/usr/bin/python3
"""What no committed file may hold, and what every folder must: read over all files of the checkout.

Exits 77 (skipped) outside a git checkout.
"""
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

# Packages come from the host's own sources: no host of a package registry is named anywhere.
REGISTRY = re.compile(
    rb"\b(deb|ftp\d*|security|snapshot|archive|mirrors?|registry|proxy|packages?|files|index|static|cdn)"
    rb"\.[a-z0-9.-]*(debian|ubuntu|kernel|pypi|pythonhosted|npmjs|golang|crates|rubygems|maven)[a-z]*\.[a-z]{2,}", re.I)
# Paths that exist on one machine only. `$HOME/x` and `~/x` are fine.
MACHINE_PATH = re.compile(rb"(?<![\w.$}~/-])/(home|Users)/[a-z][\w.-]*/|(?<![\w.$}~/-])/(work|workspace)/\w|/tmp/[a-z]/")
SIGNATURE = re.compile(rb"^\s*co-authored" + rb"-by:", re.I | re.M)

FOLDERS = ["fs", "fs/base", "fs/format", "fs/store", "fs/net", "fs/client", "fs/fuse", "server", "builder",
           "initramfs", "tools", "tests", "docs"]


def git_files():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True)
    if listed.returncode != 0:
        print("skipped: not a git checkout")
        sys.exit(77)
    names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    return [name for name in names if os.path.isfile(os.path.join(ROOT, name))]


def read(name):
    with open(os.path.join(ROOT, name), "rb") as file:
        return file.read()


class HygieneTest(unittest.TestCase):
    files = []

    def nowhere(self, pattern):
        for name in self.files:
            for found in pattern.finditer(read(name)):
                line = read(name)[:found.start()].count(b"\n") + 1
                with self.subTest(file=f"{name}:{line}"):
                    self.fail(f"holds {found[0]!r}")

    def test_no_file_names_a_package_registry(self):
        self.nowhere(REGISTRY)

    def test_no_file_names_a_path_of_one_machine(self):
        self.nowhere(MACHINE_PATH)
        if ROOT.count("/") > 2:  # a short one, such as /granary, may well stand in a text
            self.nowhere(re.compile(re.escape(os.fsencode(ROOT)) + rb"\b"))

    def test_no_file_is_signed(self):
        self.nowhere(SIGNATURE)

    def test_every_folder_says_what_it_is_for(self):
        for folder in FOLDERS:
            with self.subTest(folder=folder):
                lines = read(f"{folder}/README.md").decode().splitlines()
                self.assertTrue(5 <= len(lines) <= 25, f"{len(lines)} lines; about ten are wanted")

    def test_what_a_folder_says_to_open_first_exists(self):
        for folder in FOLDERS:
            text = read(f"{folder}/README.md").decode()
            first = re.search(r"Open first: `([^`]+)`", text)
            with self.subTest(folder=folder):
                self.assertTrue(first, "does not say which file to open first (Open first: `name`)")
                self.assertTrue(os.path.exists(os.path.join(ROOT, folder, first[1])), f"{first[1]} does not exist")

    def test_programs_are_executable(self):
        for name in self.files:
            if read(name)[:2] == b"#!" and not name.startswith("tests/fuzz/corpus/"):  # those are data
                with self.subTest(file=name):
                    self.assertTrue(os.access(os.path.join(ROOT, name), os.X_OK), "starts with #! but cannot be run")

    def test_the_patterns_bite(self):
        self.assertTrue(REGISTRY.search(b"http://deb." + b"debian.org/debian"))
        self.assertTrue(MACHINE_PATH.search(b"cd /home/" + b"somebody/src"))
        self.assertFalse(MACHINE_PATH.search(b"$HOME/home/x ~/" + b"work/x"))


if __name__ == "__main__":
    HygieneTest.files = git_files()
    unittest.main()
