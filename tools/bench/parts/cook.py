"""Systems cooked from the host's archive, beside mmdebstrap and debootstrap: processor seconds, and by the clock.

Each makes the same packages in the same versions: those of the lock that granary resolved first. Nothing is kept from
round to round unless the row says so; all download from the same archive."""
import ctypes
import json
import os
import resource
import shutil
import subprocess
import time

from measure import Failed, run
from world import ROOT

NAME = "cook"
RECIPES = ["minimal", "server"]
COLD, WARM, MORE, AGAIN = "from nothing", "unpacked packages at hand", "one more package", "the same again, locked"
BY_THE_CLOCK = ", by the clock"
MMDEBSTRAP, DEBOOTSTRAP = "mmdebstrap", "debootstrap"
MORE_PACKAGE = "tree"
PR_SET_CHILD_SUBREAPER = 36


def row(recipe, state):
    return f"{recipe}, {state}"


def measure(world):
    table = world.table(NAME)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what mounts leave running counts once it has ended
    for recipe in RECIPES:
        kitchen = Kitchen(world, recipe)
        kitchen.lock()
        table.facts[f"packages of {recipe}"] = len(kitchen.packages)
        for _ in world.rounds(f"cooking {recipe}"):
            kitchen.measure(table)


class Kitchen:
    def __init__(self, world, recipe):
        self.world, self.recipe = world, recipe
        self.lock_file, self.cache = world.at(f"{recipe}.lock"), world.at(f"{recipe}-cache")
        self.repository, self.root = world.at(f"{recipe}-repository"), world.at(f"{recipe}-root")
        self.more = world.at(f"{recipe}-more.toml")
        with open(self.more, "w") as text:
            text.write(f'extends = "{recipe}"\npackages = ["{MORE_PACKAGE}"]\n')

    def granary(self, *words):
        return [self.world.tools.granary, *words]

    def lock(self):
        run(self.granary("lock", self.recipe, "-o", self.lock_file))
        with open(self.lock_file) as text:
            self.packages = json.load(text)["packages"]

    def new_repository(self):
        for folder in (self.repository, self.repository + "-keys"):
            shutil.rmtree(folder, ignore_errors=True)
        self.world.tools.init(self.repository, self.repository + "-keys")

    def cook(self, recipe, *words):
        return self.granary("cook", recipe, "--repo", self.repository, "--cache", self.cache, "--no-lock", *words)

    def locked(self):
        return self.cook(self.recipe, "--locked", "--lock", self.lock_file)

    def measure(self, table):
        shutil.rmtree(self.cache, ignore_errors=True)
        self.new_repository()
        self.timed(table, COLD, "granary", self.locked())
        self.timed(table, MORE, "granary", self.cook(self.more))
        self.timed(table, AGAIN, "granary", self.locked())
        self.new_repository()
        self.timed(table, WARM, "granary", self.locked())
        self.timed(table, COLD, MMDEBSTRAP, self.mmdebstrap())
        if self.recipe == "minimal":
            self.timed(table, COLD, DEBOOTSTRAP, self.debootstrap())

    def mmdebstrap(self):
        sources = self.root + ".list"
        with open(sources, "w") as text:
            text.write(run(". tests/support/debian.sh; debian_sources", cwd=ROOT))
        names = ",".join(f"{package['name']}={package['version']}" for package in self.packages)
        return ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory", "--dpkgopt=force-unsafe-io",
                f"--include={names}", "bookworm", self.root, sources]

    def debootstrap(self):
        archive = run(". tests/support/debian.sh; debian_sources | awk '$3 == \"bookworm\" { print $2; exit }'",
                      cwd=ROOT).strip()
        names = ",".join(package["name"] for package in self.packages)
        return ["debootstrap", "--variant=minbase", f"--include={names}", "bookworm", self.root, archive]

    def timed(self, table, state, target, command):
        shutil.rmtree(self.root, ignore_errors=True)
        try:
            clock, processor = time.monotonic(), children_seconds()
            run(command)
            took = time.monotonic() - clock
            table.add(row(self.recipe, state), target, children_seconds() - processor)
            table.add(row(self.recipe, state) + BY_THE_CLOCK, target, took)
        except Failed as failed:
            table.give_up(row(self.recipe, state), target, failed)
        shutil.rmtree(self.root, ignore_errors=True)


def children_seconds():
    """Processor seconds of all processes that were started and have ended."""
    deadline = time.monotonic() + 5  # a mount program goes a moment after its mount
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            time.sleep(0.02)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
