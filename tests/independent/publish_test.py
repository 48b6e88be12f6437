#!/usr/bin/python3
"""What `granary` publishes, the second reader lists, digests and extracts as it was: random trees that change a few times.

The seed is printed; SEED=N repeats a run. Device nodes and owners only as root.
"""
import contextlib
import functools
import io
import json
import os
import random
import stat
import subprocess
import sys
import tempfile
import unittest

import granary_reader as reader

GRANARY = os.path.join(os.environ.get("GRANARY_BIN", ""), "granary")
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))


def run_reader(*arguments):
    out, before = io.StringIO(), sys.argv
    sys.argv = ["granary_reader.py", *arguments]
    try:
        with contextlib.redirect_stdout(out):
            status = reader.main() or 0
    finally:
        sys.argv = before
    if status:
        raise AssertionError(f"granary_reader {' '.join(arguments)}: status {status}")
    return out.getvalue()


class RandomTree:
    """A directory on disk that can be changed at random."""

    def __init__(self, top, chance):
        self.top, self.chance = os.fsencode(top), chance
        os.mkdir(top)
        self.can_have_xattrs = self.try_xattr()

    def try_xattr(self):
        try:
            os.setxattr(self.top, b"user.granary-test", b"")
            return True
        except OSError:
            return False

    def paths(self, wanted):
        found = [self.top] if wanted == stat.S_IFDIR else []
        for at, directories, files in os.walk(self.top):
            found += [os.path.join(at, name) for name in directories + files]
        return [path for path in found if stat.S_IFMT(os.lstat(path).st_mode) == wanted or wanted is None]

    def new_name(self):
        length = self.chance.choice([1, 3, 8, 8, 8, 40, 255])
        alphabet = self.chance.choice([b"abcdefgh", bytes(set(range(1, 256)) - {0x2F})])
        name = bytes(self.chance.choice(alphabet) for _ in range(length))
        return os.path.join(self.chance.choice(self.paths(stat.S_IFDIR)), name if name not in (b".", b"..") else b"dots")

    def content(self):
        size = self.chance.choice([0, 1, 100, 5000, 5000, 127 << 10, 129 << 10, 700_000])
        return self.chance.randbytes(size) if self.chance.random() < 0.5 else (b"%d grains\n" % size * size)[:size]

    def add(self):
        path = self.new_name()
        if os.path.lexists(path):
            return
        kind = self.chance.choice(["file"] * 8 + ["directory"] * 3 + ["symlink"] * 2 + ["link"] * 3 + ["sparse", "fifo", "socket", "device"])
        files = [one for one in self.paths(None) if not stat.S_ISDIR(os.lstat(one).st_mode)]
        if kind == "directory":
            os.mkdir(path)
        elif kind == "symlink":
            os.symlink(self.chance.randbytes(30).replace(b"\0", b"/"), path)
        elif kind == "link" and files:
            os.link(self.chance.choice(files), path, follow_symlinks=False)
        elif kind == "sparse":
            with open(path, "wb") as file:
                for _ in range(3):
                    file.write(self.chance.randbytes(self.chance.choice([10, 200_000])))
                    file.seek(self.chance.randrange(1 << 20), os.SEEK_CUR)
                file.truncate()
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            os.mknod(path, stat.S_IFSOCK | 0o600)
        elif kind == "device" and os.geteuid() == 0:
            os.mknod(path, self.chance.choice([stat.S_IFCHR, stat.S_IFBLK]) | 0o600, os.makedev(self.chance.randrange(4096), 1 << 19))
        else:
            with open(path, "wb") as file:
                file.write(self.content())
        self.decorate(path) if os.path.lexists(path) else None

    def decorate(self, path):
        if os.geteuid() == 0:
            os.lchown(path, self.chance.choice([0, 1000, 4_000_000_000]), self.chance.choice([0, 50]))
        if not os.path.islink(path):
            os.chmod(path, self.chance.choice([0o644, 0o755, 0o4711, 0o1777, 0o600]) | (0o700 if os.path.isdir(path) else 0o400))
            if self.can_have_xattrs and (os.path.isfile(path) or os.path.isdir(path)) and self.chance.random() < 0.3:
                with contextlib.suppress(PermissionError):
                    os.setxattr(path, b"user." + bytes([self.chance.randrange(97, 123)]), self.chance.randbytes(self.chance.choice([0, 9, 2000])))
        if self.chance.random() < 0.5:
            os.utime(path, ns=(0, self.chance.randrange(-10**18, 2 * 10**18)), follow_symlinks=False)

    def change(self):
        path = self.chance.choice(self.paths(None) or [self.top])
        what = self.chance.choice(["remove", "rename", "rewrite", "decorate", "decorate"])
        if path == self.top or what == "decorate":
            self.decorate(path)
        elif what == "remove":
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path) else None
            os.remove(path) if os.path.lexists(path) and not (os.path.isdir(path) and not os.path.islink(path)) else None
        elif what == "rename":
            to = self.new_name()
            os.rename(path, to) if not os.path.lexists(to) and not (to + b"/").startswith(path + b"/") else None
        elif stat.S_ISREG(os.lstat(path).st_mode):
            with open(path, "wb") as file:
                file.write(self.content())


@unittest.skipUnless(os.path.exists(GRANARY), "no granary program here (GRANARY_BIN)")
class PublishTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="granary-independent-")
        self.addCleanup(scratch.cleanup)
        self.at = functools.partial(os.path.join, scratch.name)
        self.environment = {**os.environ, "HOME": self.at("home"), "XDG_CACHE_HOME": self.at("home/.cache")}
        os.mkdir(self.at("home"))

    def granary(self, *arguments):
        done = subprocess.run([GRANARY, *arguments], capture_output=True, env=self.environment, text=True)
        self.assertEqual(done.returncode, 0, f"granary {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def test_random_trees_come_back_as_they_were(self):
        print(f"SEED={SEED}", file=sys.stderr)
        tree = RandomTree(self.at("tree"), random.Random(SEED))
        self.granary("init", self.at("repo"), "--name", "random.example.org", "--keys", self.at("keys"))
        trust = ["--trust", self.at("keys/random.example.org.trust")]
        known = {}
        for number, codec in enumerate(["zstd", "zlib", "none", "zstd"]):
            for _ in range(60 if number == 0 else 12):
                tree.add()
            for _ in range(0 if number == 0 else 15):
                tree.change()
            published = json.loads(self.granary("publish", self.at("repo"), self.at("tree"), "--compression", codec, "--json",
                                                "--tag", f"v{number}"))
            known[f"v{number}"] = published["tree_digest"], run_reader("list", "--directory", self.at("tree"))
            self.assertEqual(run_reader("digest", "--directory", self.at("tree")).strip(), published["tree_digest"])
            self.assertEqual(run_reader("list", self.at("repo"), *trust), known[f"v{number}"][1])
        for tag, (digest, listed) in known.items():
            self.assertEqual(run_reader("digest", self.at("repo"), *trust, "--tag", tag).strip(), digest)
            self.assertEqual(run_reader("list", self.at("repo"), *trust, "--tag", tag), listed)
        run_reader("extract", self.at("repo"), self.at("out"), *trust)
        self.assertEqual(run_reader("digest", "--directory", self.at("out")).strip(), known["v3"][0])
        self.assertEqual(run_reader("list", "--directory", self.at("out")), known["v3"][1])


if __name__ == "__main__":
    unittest.main()
