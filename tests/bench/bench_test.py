#!/usr/bin/python3
"""The benchmark's arithmetic and its checks: what it would say about numbers, trees and targets that we know."""
import io
import os
import shutil
import sys
import tarfile
import tempfile
import unittest
from types import SimpleNamespace

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/bench"))

import aims  # noqa: E402
import bench  # noqa: E402
import generated_tree  # noqa: E402
import kept  # noqa: E402
import report  # noqa: E402
import workloads  # noqa: E402
from measure import Failed, Table, Wrong, median, ratio  # noqa: E402
from parts import boot, link, parallel, scale  # noqa: E402


def table(**runs):
    """find_hot={"granary": [1, 2]} becomes runs of the workload "find, hot"."""
    made = Table()
    for workload, targets in runs.items():
        for target, values in targets.items():
            for value in values:
                made.add(workload.replace("_", ", "), target, value)
    return made


def verdicts(results):
    return {aim.what: aims.verdict(aim) for aim in aims.all_aims(results)}


class Arithmetic(unittest.TestCase):
    def test_the_median_is_the_middle_and_of_nothing_nothing(self):
        self.assertEqual(median([9, 1, 2]), 2)
        self.assertEqual(median([1, 2, 3, 100]), 2.5)
        self.assertIsNone(median([]))

    def test_a_ratio_needs_both_of_its_sides(self):
        self.assertEqual(ratio(3, 2), 1.5)
        for mine, theirs in ((None, 2), (3, None), (3, 0)):
            self.assertIsNone(ratio(mine, theirs))

    def test_an_aim_is_met_up_to_its_limit(self):
        for value, wanted in ((1.0, "met"), (1.5, "met"), (1.51, "**not met**"), (None, "not measured")):
            self.assertEqual(aims.verdict(aims.Aim("", value, 1.5, "×")), wanted)

    def test_an_aim_to_reach_at_least_is_met_from_its_limit(self):
        for value, wanted in ((1.59, "**not met**"), (1.6, "met"), (2.0, "met"), (None, "not measured")):
            self.assertEqual(aims.verdict(aims.Aim("", value, 1.6, "cores", at_least=True)), wanted)

    def test_without_results_no_aim_is_met(self):
        self.assertEqual(set(verdicts({}).values()), {"not measured"})

    def test_reading_is_judged_by_medians_beside_ext4(self):
        found = verdicts({"read": table(find_hot={"granary": [1.4, 9.0, 1.5], "ext4": [1.0, 1.0, 1.0]},
                                        tar_hot={"granary": [1.4], "ext4": [1.0]})})
        self.assertEqual(found["hot find beside ext4"], "met")
        self.assertEqual(found["hot tar beside ext4"], "**not met**")
        self.assertEqual(found["tar after drop_caches beside ext4"], "not measured")

    def test_the_link_is_judged_by_its_own_rate_and_round_trip(self):
        made = table(tar={"nginx": [11.0], link.LINE_RATE: [10.0]}, mount={"nginx": [0.5]}, find={"nginx": [1.1]})
        made.facts.update(rate="10M", round_trip="100ms")
        found = verdicts({"link": made})
        self.assertEqual(found["link: cold tar beside its compressed bytes at line rate"], "met")
        self.assertEqual(found["link: mount"], "met")  # six round trips are 0.6 s
        self.assertEqual(found["link: cold find"], "**not met**")

    def test_rates_and_round_trips_are_read_as_the_link_reads_them(self):
        self.assertEqual([link.bits_per_second(text) for text in ("100M", "1G", "512k", "9600")],
                         [100_000_000, 1_000_000_000, 512_000, 9600])
        self.assertEqual([link.round_trip_seconds(text) for text in ("20ms", "1s", "500us")], [0.02, 1.0, 0.0005])

    def test_scale_compares_the_two_repositories(self):
        large, small = scale.label(5_000_000), scale.label(5000)
        made = table(mount={large: [0.3], small: [0.1]}, memory={large: [99e6]})
        made.facts.update({"entries": [5_000_000, 5000], f"new bytes of {large}": 1_000_001})
        found = verdicts({"scale": made})
        self.assertEqual(found["mount of 5,000,000 entries beside 5,000 entries"], "**not met**")
        self.assertEqual(found["client's memory while find walks 5,000,000 entries"], "met")
        self.assertEqual(found["new bytes of that"], "**not met**")

    def test_readers_share_all_files_between_them(self):
        paths = [str(number) for number in range(103)]
        for count in (1, 8, 103):
            parts = parallel.deal(paths, count)
            self.assertEqual(sum(parts, []), paths)
            self.assertEqual(len(parts), count)
            self.assertLessEqual(max(map(len, parts)) - min(map(len, parts)), 1)


class WrongBytes(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.work)
        self.tree = os.path.join(self.work, "tree")
        os.makedirs(os.path.join(self.tree, "etc"))
        for name, text in (("etc/motd", "hello"), ("etc/hosts", "localhost")):
            with open(os.path.join(self.tree, name), "w") as out:
                out.write(text)
        os.symlink("motd", os.path.join(self.tree, "etc/link"))
        self.copy = os.path.join(self.work, "copy")
        shutil.copytree(self.tree, self.copy, symlinks=True)

    def write(self, name, text):
        with open(os.path.join(self.copy, name), "w") as out:
            out.write(text)

    def assert_wrong(self, words):
        with self.assertRaisesRegex(Wrong, words):
            workloads.check_fingerprint(workloads.fingerprint(self.tree), self.copy)

    def test_a_true_copy_passes(self):
        workloads.check_fingerprint(workloads.fingerprint(self.tree), self.copy)
        for load in workloads.reads(self.tree):
            self.assertGreater(load.seconds(self.copy), 0)

    def test_one_other_byte_is_found(self):
        self.write("etc/motd", "hallo")
        self.assert_wrong("^etc/motd is ")

    def test_a_missing_and_an_additional_entry_are_found(self):
        os.unlink(os.path.join(self.copy, "etc/link"))
        self.assert_wrong("^etc/link is missing")
        os.symlink("motd", os.path.join(self.copy, "etc/link"))
        self.write("etc/more", "")
        self.assert_wrong("in the tree missing")

    def test_another_mode_and_another_target_are_found(self):
        os.chmod(os.path.join(self.copy, "etc/motd"), 0o600)
        self.assert_wrong("^etc/motd is ")
        os.chmod(os.path.join(self.copy, "etc/motd"), 0o644)
        os.unlink(os.path.join(self.copy, "etc/link"))
        os.symlink("hosts", os.path.join(self.copy, "etc/link"))
        self.assert_wrong("^etc/link is ")

    def test_a_timed_run_that_reads_less_counts_for_nothing(self):
        find, tar = workloads.reads(self.tree)
        os.unlink(os.path.join(self.copy, "etc/hosts"))
        for load in (find, workloads.cat_files("cat", ["etc/motd", "etc/hosts"], self.tree, self.work + "/list")):
            with self.assertRaises(Failed):
                load.seconds(self.copy)
        self.write("etc/motd", "hello " * 10_000)
        with self.assertRaises(Wrong):
            tar.seconds(self.copy)

    def test_a_target_that_was_wrong_once_has_no_median(self):
        made = table(find_hot={"granary": [1.0, 1.0], "ext4": [1.0]})
        made.give_up("find, hot", "granary", Wrong("read something else"))
        self.assertIsNone(made.median("find, hot", "granary"))
        self.assertEqual(made.median("find, hot", "ext4"), 1.0)
        self.assertEqual(verdicts({"read": made})["hot find beside ext4"], "not measured")


class GeneratedTree(unittest.TestCase):
    def test_it_has_exactly_the_entries_asked_for(self):
        for count in (1, 2, 3, 101, 10_102, 25_000):
            made = [path for path, _ in generated_tree.entries(count)]
            self.assertEqual(len(set(made)), count)

    def test_its_tar_is_one_and_no_two_files_are_alike(self):
        out = io.BytesIO()
        generated_tree.write_tar(15_000, out)
        out.seek(0)
        with tarfile.open(fileobj=out) as archive:
            members = archive.getmembers()
            self.assertEqual(len(members), 15_000)
            contents = [archive.extractfile(member).read() for member in members if member.isfile()]
        self.assertEqual(len(set(contents)), len(contents))

    def test_a_package_on_disk_is_that_of_the_tar(self):
        with tempfile.TemporaryDirectory() as work:
            folder = os.path.join(work, "package")
            path = generated_tree.write_package(folder, 5000, 2)
            expected = {name: text for name, text in generated_tree.entries(5000) if name.startswith(path) and text}
            self.assertEqual(len(expected), generated_tree.FILES)
            self.assertEqual(sorted(os.listdir(folder)), sorted(os.path.basename(name) for name in expected))
            for name, text in expected.items():
                with open(os.path.join(folder, os.path.basename(name)), "rb") as made:
                    self.assertEqual(made.read(), text)


class Report(unittest.TestCase):
    MACHINE = {"processor": "one", "load before": "0.10"}

    def body(self, results, before=""):
        options = SimpleNamespace(kind="small", runs=3, words=["--runs", "3"])
        tree = {} if before else {"entries": 5, "bytes": 6}
        return "\n".join(report.body(options, self.MACHINE, results, tree, kept.Kept(before)))

    def test_it_shows_parts_that_were_measured_and_no_others(self):
        made = table(find_hot={"granary": [1.0], "ext4": [2.0]})
        made.facts["workloads"] = ["find"]
        made.give_up("find, hot", "squashfs", "no image")
        text = self.body({"read": made})
        self.assertIn("| hot find beside ext4 | ≤ 1.5 × | 0.50 × | met | [7 ×] |", text)
        self.assertIn("| find, hot | 1.00 | 2.00 | – | – | – | – |", text)
        self.assertIn("- find, hot, squashfs: no image", text)
        self.assertNotIn("## Scale", text)

    def test_parts_that_are_not_measured_again_stay_as_they_were(self):
        publishing = table(publish={"granary": [1.0], "tar | zstd -3 -T2": [2.0]})
        reading = table(find_hot={"granary": [1.0], "ext4": [2.0]})
        reading.facts["workloads"] = ["find"]
        before = self.body({"publish": publishing, "read": reading})
        reading.add("find, hot", "granary", 1.0)
        reading.runs["find, hot", "ext4"] = [0.5]
        after = self.body({"read": reading}, before)
        changed = [line for line in after.splitlines() if line not in before.splitlines()]
        self.assertEqual(changed, ["| hot find beside ext4 | ≤ 1.5 × | 2.00 × | **not met** | [7 ×] |",
                                   "| find, hot | 1.00 | 0.50 | – | – | – | – |"])
        self.assertEqual(len(after.splitlines()), len(before.splitlines()))

    def test_a_part_that_could_not_be_measured_again_is_not_what_it_was(self):
        before = self.body({"publish": table(publish={"granary": [1.0], "tar | zstd -3 -T2": [2.0]})})
        failed = Table()
        failed.give_up("publish", "granary", "no room")
        after = self.body({"publish": failed}, before)
        self.assertIn("- publish, granary: no room", after)
        self.assertIn("| publish beside `tar \\| zstd -3 -T2` | ≤ 2 × | – | not measured | [5 ×] |", after)

    def test_a_first_boot_is_judged_beside_both_kinds_of_later_ones(self):
        made = Table()
        for start, seconds in ((boot.FIRST, 26.0), (boot.SECOND, 18.0), (boot.FRESH, 21.0)):
            made.add(start, boot.PROFILED, seconds)
        made.add(boot.FIRST + boot.OVER_THE_LINK, boot.PROFILED, 60.5)
        made.facts.update(rate="100M", round_trip="20ms")
        found = verdicts({"boot": made})
        self.assertEqual(found["link: first boot beside the second, profile"], "**not met**")
        self.assertEqual(found["link: the same beside a first boot whose cache is warm"], "met")
        self.assertEqual(found["link: bytes of a first boot"], "**not met**")
        self.assertEqual(found["kernel and initramfs, tiny"], "not measured")
        self.assertIn("| first start | 26.0 | – |", self.body({"boot": made}))


class Options(unittest.TestCase):
    def test_what_cannot_be_measured_is_refused(self):
        for words in (["--rate", "0"], ["--rate", "fast"], ["--rtt", "20"], ["--runs", "0"], ["--only", "reed"],
                      ["--scale", "-1"]):
            with self.subTest(words), self.assertRaises(SystemExit) as ended, open(os.devnull, "w") as quiet:
                stderr, sys.stderr = sys.stderr, quiet
                try:
                    bench.parse_options(words)
                finally:
                    sys.stderr = stderr
            self.assertEqual(ended.exception.code, 2)

    def test_the_command_line_is_shown_without_this_machines_paths(self):
        self.assertEqual(bench.without_paths(["--runs", "3", "--work", "/a", "--bin=/b", "--add"]), ["--runs", "3", "--add"])


if __name__ == "__main__":
    unittest.main()
