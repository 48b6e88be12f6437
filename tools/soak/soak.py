#!/usr/bin/python3
"""Readers compare every byte of live mounts with the truth while everything around them fails at random.

  tools/dev soak [--minutes N] [--seed S] [--files N] [--readers N] [--pause SECONDS] [--work DIR] [--json FILE]

Two mounts share one small cache: one follows a branch that changes, one is pinned to the first snapshot. Two mirrors
serve them: one that dies and stands still, one that lies. Meanwhile workers and supervisors are killed, mounts are taken
away and made again, programs are swapped, objects in the cache are damaged, evicted and verified, and the kernel forgets.
An error that no fault excuses, a byte that was never published, a reader that waits for more than two minutes and a
process that grows without end are failures: exit status 1. --seed repeats the order of events of an earlier run.
Needs root.
"""
import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../bench")]

from measure import Failed, is_mounted
from chaos import Chaos
from mirrors import Honest, Liar
from mounts import Mounted
from readers import Reader
from report import Report
from truth import Author

HUNG_SECONDS = 120
QUOTA = "64M"


class World:
    def __init__(self, options, work, report):
        self.options, self.work, self.report = options, work, report
        self.granary = os.path.join(os.path.abspath(options.bin), "granary")
        self.repository, self.cache = os.path.join(work, "repository"), os.path.join(work, "cache")
        self.stack = contextlib.ExitStack()
        self.numbers, self.mounts = {}, []
        self.author = Author(os.path.join(work, "tree"), options.files, options.seed)
        self._run("init", self.repository, "--name", "soak.example.org", "--keys", os.path.join(work, "keys"))
        self._publish_newest()
        self.honest = Honest(self.granary, self.repository)
        self.liar = Liar(self.repository, options.seed)
        self._mount_all()

    def _run(self, *words):
        done = subprocess.run([self.granary, *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"granary {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def _publish_newest(self):
        said = self._run("publish", self.repository, self.author.tree, "--json")
        self.numbers[json.loads(said)["snapshot"]] = self.author.newest.number

    def _mount_all(self):
        trust = os.path.join(self.work, "keys/soak.example.org.trust")
        common = [self.liar.url, "--mirror", self.honest.url, "--trust", trust, "--cache", self.cache, "--quota", QUOTA,
                  "--state", os.path.join(self.work, "state"), "--log", os.path.join(self.work, "mount.log")]
        first = next(iter(self.numbers))
        self.following = Mounted(self.granary, "following", self.work, [*common, "--follow", "5"], self.numbers)
        pinned = Mounted(self.granary, "pinned", self.work, [*common, "--snapshot", first], self.numbers,
                         pinned=self.author.newest)
        for mount in (self.following, pinned):
            mount.mount()
            self.mounts.append(mount)

    def publish(self):
        self.author.advance()
        self._publish_newest()

    def memory_bytes(self):
        """What each mount's worker holds."""
        sizes = {}
        for mount in self.mounts:
            with open(f"/proc/{mount.stat()['worker_pid']}/status") as status:
                resident = next(line for line in status if line.startswith("VmRSS:"))
            sizes[mount.name] = int(resident.split()[1]) * 1024
        return sizes

    def end(self):
        for mount in self.mounts:
            with contextlib.suppress(Failed):
                mount.unmount()
            if is_mounted(mount.at):
                subprocess.run(["umount", "-l", mount.at], check=False)
        self.honest.end()
        self.liar.end()


def watch(readers, report, told):
    """Tells of readers that have waited too long; each once."""
    now = time.monotonic()
    for reader in readers:
        since, doing = reader.since, reader.doing
        if since and now - since > HUNG_SECONDS and (reader.name, since) not in told:
            told.add((reader.name, since))
            report.fail(f"{reader.name} hangs: {doing}")


def soak(world, options, report):
    readers = [Reader(number, world.mounts, world.author, options.seed, report) for number in range(options.readers)]
    for reader in readers:
        reader.start()
    chaos, pauses, told = Chaos(world, options.seed, report), random.Random(options.seed), set()
    end = time.monotonic() + options.minutes * 60
    while time.monotonic() < end and not report.has_seen_enough():
        time.sleep(pauses.uniform(0, 2 * options.pause))
        chaos.one()
        watch(readers, report, told)
    world.honest.begin()
    world.liar.lie(None)
    for reader in readers:
        reader.stopping = True
    for reader in readers:
        reader.join(HUNG_SECONDS)
        if reader.is_alive():
            report.fail(f"{reader.name} never came back: {reader.doing}")


def parse_options(words):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--bin", default=os.path.join(HERE, "../../build/release/bin"))
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--pause", type=float, default=5)
    parser.add_argument("--work", default=tempfile.gettempdir())
    parser.add_argument("--json")
    return parser.parse_args(words)


def main():
    options, report = parse_options(sys.argv[1:]), Report()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    report.say(f"seed {options.seed}")
    work = tempfile.mkdtemp(prefix="granary-soak.", dir=options.work)
    world = None
    try:
        world = World(options, work, report)
        report.facts["seed"], report.facts["memory_bytes_at_first"] = options.seed, world.memory_bytes()
        soak(world, options, report)
        report.facts["memory_bytes_at_last"] = world.memory_bytes()
        report.facts["lies_told"] = world.liar.lies
    except Failed as failed:
        report.fail(str(failed))
    finally:
        if world is not None:
            world.end()
        if report.failures and os.path.exists(os.path.join(work, "mount.log")):
            shutil.copy(os.path.join(work, "mount.log"), os.path.join(options.work, "granary-soak.log"))
        shutil.rmtree(work, ignore_errors=True)
    text = report.to_json()
    print(text)
    if options.json:
        with open(options.json, "w") as out:
            out.write(text + "\n")
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()
