#!/usr/bin/python3
"""The second reader reads what the second writer writes, and refuses every oddity that docs/format.md forbids."""
import contextlib
import functools
import http.server
import io
import os
import random
import sys
import tempfile
import threading
import unittest

import cases
import granary_format as format
import granary_reader as reader
import make_repo


def run(*arguments):
    """(exit status, output, messages) of the reader."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["granary_reader.py", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = reader.main() or 0
    finally:
        sys.argv = before
    return status, out.getvalue(), err.getvalue()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(directory):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=directory)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class RepositoriesTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="granary-independent-")
        self.addCleanup(scratch.cleanup)
        self.at = functools.partial(os.path.join, scratch.name)
        cases.make_source(self.at("source"))

    def test_a_repository_comes_back_as_the_tree_it_was_made_from(self):
        with open(self.at("source", "random"), "wb") as file:
            file.write(random.Random(7).randbytes(700_000))
        os.symlink("x" * 4000, os.fsencode(self.at("source/")) + b"\xff\n name")
        os.utime(self.at("source/a"), ns=(0, -1_500_000_000))
        digest = make_repo.make_repository(self.at("source"), self.at("repo"), self.at("trust.json"))[1].hex()
        _, expected, _ = run("list", "--directory", self.at("source"))
        self.assertEqual(run("digest", "--directory", self.at("source")), (0, digest + "\n", ""))
        with served(self.at("repo")) as url:
            for place in self.at("repo"), url:
                self.assertEqual(run("list", place, "--trust", self.at("trust.json")), (0, expected, ""))
                self.assertEqual(run("digest", place, "--trust", self.at("trust.json"), "--tag", "first"), (0, digest + "\n", ""))
        self.assertEqual(run("extract", self.at("repo"), self.at("out"), "--trust", self.at("trust.json")), (0, "", ""))
        self.assertEqual(run("list", "--directory", self.at("out")), (0, expected, ""))
        self.assertEqual(run("digest", "--directory", self.at("out")), (0, digest + "\n", ""))
        self.assertLess(os.stat(self.at("out/sparse")).st_blocks * 512, 300_000)

    def test_a_catalog_with_two_levels_is_read(self):
        root = format.Node(type=format.DIRECTORY, inode=1, children={})
        for number in range(600):
            name = b"%03d" % number
            root.children[name] = format.Node(type=format.FIFO, inode=16 + number, nlink=1, xattrs=[(b"user.large", name * 20000)])
        root.nlink, root.size = 2, 600
        writer = make_repo.Writer(self.at("repo"))
        digest = format.tree_digest(root)
        writer.database(self.at("catalog"), root)
        catalog = writer.cut_catalog(self.at("catalog"))
        repository = format.Repository(self.at("repo"))
        self.assertEqual(repository.object(catalog)[5], 2)
        self.assertEqual(format.tree_digest(format.read_catalog(repository, catalog)[0]), digest)

    def test_good_oddities_are_read_and_bad_ones_refused(self):
        for name, (verdict, odd, options) in cases.all_cases().items():
            with self.subTest(name):
                repo, trust = cases.make_case(self.at("source"), self.at(name), odd)
                status, _, messages = run("digest" if verdict == "bytes" else "list", repo, "--trust", trust, *options)
                self.assertEqual(status, 0 if verdict == "good" else 1, messages)
                if verdict != "good":
                    self.assertEqual(messages.count("\n"), 1, messages)
                if os.environ.get("VERBOSE"):
                    print(name, messages.strip())


if __name__ == "__main__":
    unittest.main()
