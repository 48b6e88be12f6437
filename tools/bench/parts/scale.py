"""A generated repository of 5 million entries beside one of 5,000: mounting, walking, publishing one changed file."""
import os
import statistics
import sys

import generated_tree
import servers
import targets
from measure import Failed, Wrong, drop_caches, run, say, seconds

NAME = "scale"
SMALL_ENTRIES = 5000
MOUNT, MOUNT_LINK, WALK, ENTRY = "mount", "mount over the link", "find", "find, per million entries"
CHANGED, GENERATE = "publish, one file changed", "publish, from a tar"


def measure(world):
    table = world.table(NAME)
    table.facts["entries"] = [world.options.scale, SMALL_ENTRIES]
    for entries in table.facts["entries"]:
        try:
            one = Generated(world, table, entries)
        except Failed as failed:
            table.give_up(GENERATE, label(entries), failed)
            continue
        one.measure()


def label(entries):
    return f"{entries:,} entries"


class Generated:
    """A repository of one size, and what is measured on it."""

    def __init__(self, world, table, entries):
        self.world, self.table, self.entries, self.label = world, table, entries, label(entries)
        self.repository = world.at(f"scale-{entries}")
        say(f"publishing a generated tree of {entries:,} entries")
        self.trust = world.tools.init(self.repository, world.at(f"scale-{entries}-keys"))
        tree = f"{sys.executable} {generated_tree.__file__} {entries}"
        publish = f"{world.tools.granary} publish {self.repository} - --json"
        table.add(GENERATE, self.label, seconds(f"{tree} | {publish} | wc -c"))
        table.facts[f"bytes of {self.label}"] = targets.public_bytes(self.repository)

    def measure(self):
        world = self.world
        with servers.granary_serve(world.tools, self.repository) as url:
            for _ in world.rounds(f"mounting and walking {self.label}"):
                self.mount_and_walk(url)
            with servers.link(world.tools, url, world.options.rate, world.options.rtt) as link:
                for _ in range(3 * world.options.runs):
                    self.mount_only(MOUNT_LINK, link.url)
        self.publish_changes()

    def client(self, url):
        mount = targets.Granary(self.world.tools, url, self.trust, self.world.at("scale-cache"))
        mount.forget()
        return mount

    def mount_only(self, workload, url):
        try:
            with self.client(url).mount_timed(self.world.at("mnt-scale")) as (_, took):
                self.table.add(workload, self.label, took)
        except Failed as failed:
            self.table.give_up(workload, self.label, failed)

    def mount_and_walk(self, url):
        for _ in range(3):  # mounting is quick, its median had better be of more than a few
            self.mount_only(MOUNT, url)
        drop_caches()
        mount = self.client(url)
        try:
            with mount.mount_timed(self.world.at("mnt-scale")) as (top, _):
                took = self.walk(top)
                self.table.add(WALK, self.label, took)
                self.table.add(ENTRY, self.label, took * 1e6 / self.entries)
                self.table.add("memory", self.label, mount.peak_memory(top))
        except Failed as failed:
            self.table.give_up(WALK, self.label, failed)
        drop_caches()  # the kernel's memory of so many inodes would weigh on what follows

    def walk(self, top):
        took = seconds(f"find {top} -mindepth 1 -printf '%s %m\\n' | wc -l >{self.world.at('walked')}")
        with open(self.world.at("walked")) as walked:
            found = int(walked.read())
        if found != self.entries:
            raise Wrong(f"find saw {found:,} entries, not {self.entries:,}")
        return took

    def publish_changes(self):
        """One directory is published again and again, each time with one changed file."""
        folder = self.world.at(f"package-{self.entries}")
        path = generated_tree.write_package(folder, self.entries, 0)
        sizes = []
        try:
            run(self.world.tools.publish(self.repository, folder, "--path", path))
            for turn in self.world.rounds(f"publishing a changed file among {self.label}"):
                with open(os.path.join(folder, "file-07"), "a") as out:
                    out.write(f"harvest {turn}\n")
                before = targets.public_bytes(self.repository)
                self.table.add(CHANGED, self.label,
                               self.world.tools.publish_seconds(self.repository, folder, "--path", path))
                sizes.append(targets.public_bytes(self.repository) - before)
            self.table.facts[f"new bytes of {self.label}"] = statistics.median(sizes)
        except Failed as failed:
            self.table.give_up(CHANGED, self.label, failed)
