#!/usr/bin/python3
"""Measures granary beside its peers, all in one run on one machine, and writes docs/benchmarks.md.

  tools/dev bench [--runs N] [--kind small|reference] [--work DIR] [--output FILE] [--only PART,PART...] [--add]
                  [--rate 100M] [--rtt 20ms] [--scale ENTRIES] [--directory ENTRIES]

Parts: publish    the tree packed by granary and its peers; published again after a small change
       read       a warm client cache, hot and after drop_caches, beside ext4, squashfs, erofs, squashfuse
       cold       an empty client cache over loopback, beside ext4 after drop_caches
       link       an empty client cache over an emulated link, beside the bytes at line rate; with a profile
       boot       virtual machines over the link: first starts beside later ones; the micro image's size
       parallel   one reader and eight: how much faster, on how many cores
       directory  a directory of 200,000 entries
       scale      a generated repository of 5 million entries beside one of 5,000
       cook       systems cooked from the host's archive, beside mmdebstrap and debootstrap

The tree is made by tests/support/make-reference-tree.sh. Rounds go over all targets in turn, so that a slow minute of
the machine hits all of them. Every timed run is checked for what it read, every target for all it holds: one that gives
other bytes than the tree's ends the run with status 1. What this machine cannot do is said in the report, not an error.
--add keeps what the report says of parts that are not measured now. Every single run is in build/benchmarks.json.
Needs root (mounts, page cache). The reference kind takes some forty minutes and 20 GB of disk.
"""
import argparse
import glob
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import kept
import report
from measure import Failed, is_mounted, say
from world import ROOT, World

PARTS = ["publish", "read", "cold", "link", "boot", "parallel", "directory", "scale", "cook"]


def part_list(text):
    for part in text.split(","):
        if part not in PARTS:
            raise argparse.ArgumentTypeError(f"no such part: {part}; there are {', '.join(PARTS)}")
    return text.split(",")


def at_least(least):
    def parse(text):
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is not a number of at least {least}")
        return int(text)
    return parse


def matching(pattern, example):
    def parse(text):
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"{text} is none; write it as {example}")
        return text
    return parse


def parse_options(words):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    parser.add_argument("--runs", type=at_least(1), default=3)
    parser.add_argument("--kind", choices=["small", "reference"], default="reference")
    parser.add_argument("--work", default=tempfile.gettempdir())
    parser.add_argument("--output", default=os.path.join(ROOT, "docs/benchmarks.md"))
    parser.add_argument("--raw", default=os.path.join(ROOT, "build/benchmarks.json"))
    parser.add_argument("--only", type=part_list, default=PARTS)
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--rate", type=matching(r"[1-9][0-9]*[kMG]?", "100M"), default="100M")
    parser.add_argument("--rtt", type=matching(r"[0-9]+(us|ms|s)", "20ms"), default="20ms")
    parser.add_argument("--scale", type=at_least(10_000), default=5_000_000)
    parser.add_argument("--directory", type=at_least(1), default=200_000)
    options = parser.parse_args(words)
    options.words = without_paths(words)
    return options


def without_paths(words):
    """The command line as it is shown: where things lay on this machine helps nobody."""
    kept, words = [], list(words)
    while words:
        word = words.pop(0)
        if word.split("=")[0] not in ("--bin", "--work", "--output", "--raw"):
            kept.append(word)
        elif "=" not in word and words:
            words.pop(0)
    return kept


def measure_parts(world):
    for part in PARTS:
        if part not in world.options.only:
            continue
        try:
            importlib.import_module(f"parts.{part}").measure(world)
        except Failed as failed:
            world.table(part).give_up(part, "everything", failed)


def unmount_leftovers(work):
    for at in sorted(glob.glob(os.path.join(work, "mnt-*"))):
        if is_mounted(at):
            subprocess.run(["umount", "-l", at], check=False)


def measure_in(options):
    """The results of all parts and the tree's facts; nothing stays behind."""
    work = tempfile.mkdtemp(prefix="granary-bench.", dir=options.work)
    os.chmod(work, 0o755)
    world = World(options, work)
    try:
        measure_parts(world)
    finally:
        unmount_leftovers(work)
        shutil.rmtree(work, ignore_errors=True)
    return world.results, world.tree_facts


def main():
    options = parse_options(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was mounted and written is cleared away
    if os.geteuid() != 0:
        sys.exit("bench: mounting and dropping caches need root; run tools/dev bench as root")
    machine = report.machine(ROOT)  # before the load that we make ourselves
    before = kept.read(options.output) if options.add else kept.Kept()
    results, tree = measure_in(options)
    wrong = [text for table in results.values() for text in table.wrong]
    report.write_raw(options.raw, machine, results, tree)
    report.write(options, machine, results, tree, before)
    print(f"wrote {options.output}")
    for text in wrong:
        say(f"WRONG: {text}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
