#!/usr/bin/python3
"""The layer check must bite: small made-up checkouts, good and bad."""
import os
import subprocess
import sys
import tempfile
import unittest

CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/check_layers.py")


def check(files):
    """Runs the checker on a checkout of {path: text}; gives its status and output."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as out:
                out.write(text)
        ran = subprocess.run([sys.executable, CHECKER, root], capture_output=True, text=True)
        return ran.returncode, ran.stdout


class CheckLayersTest(unittest.TestCase):
    def refused(self, files, expected):
        status, output = check(files)
        self.assertEqual(status, 1, output)
        self.assertIn(expected, output)

    def accepted(self, files):
        self.assertEqual(check(files), (0, ""))

    def test_an_include_down_the_arrows_is_accepted(self):
        self.accepted({"fs/base/bytes.h": "", "fs/format/pack.h": '#include "fs/base/bytes.h"\n#include <vector>\n'})

    def test_an_upward_include_is_refused_with_file_and_line(self):
        self.refused({"fs/net/http.h": "", "fs/base/bytes.h": '#pragma once\n#include "fs/net/http.h"\n'},
                     "fs/base/bytes.h:2: includes")

    def test_angle_brackets_hide_nothing(self):
        self.refused({"fs/net/http.h": "", "fs/base/bytes.h": "#include <fs/net/http.h>\n"}, "fs/base/bytes.h:1")

    def test_the_server_may_not_use_the_client(self):
        self.refused({"fs/client/reader.h": "", "server/publish.cc": '#include "fs/client/reader.h"\n'}, "server may use")

    def test_the_filesystem_may_not_use_the_server(self):
        self.refused({"server/publish.h": "", "fs/fuse/main.cc": '#include "server/publish.h"\n'}, "fs/fuse may use")

    def test_the_micro_image_program_uses_nothing_but_the_base(self):
        self.refused({"fs/format/pack.h": "", "initramfs/init.cc": '#include "fs/format/pack.h"\n'}, "initramfs may use")

    def test_products_may_not_use_tests(self):
        self.refused({"tests/support/world.h": "", "tools/main.cc": '#include "tests/support/world.h"\n'}, "tools may use")

    def test_tests_may_use_everything_and_each_other(self):
        self.accepted({"tools/main.h": "", "tests/support/world.h": "",
                       "tests/unit/a_test.cc": '#include "tools/main.h"\n#include "support/world.h"\n'})

    def test_an_include_that_is_not_named_from_the_top_is_refused(self):
        self.refused({"fs/base/bytes.h": "", "fs/base/bytes.cc": '#include "bytes.h"\n'}, "no file from the top")

    def test_a_file_in_no_layer_is_refused(self):
        self.refused({"fs/loose.h": "#include <vector>\n"}, "lies in no layer")


if __name__ == "__main__":
    unittest.main()
