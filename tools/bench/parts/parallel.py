"""One reader, then eight that share the files between them: how much faster they are, and how many cores they use."""
import os
import resource
import subprocess
import time

import servers
import workloads
from measure import Failed, Wrong, drop_caches, say

NAME = "parallel"
READERS = 8
WARM, COLD, EXT4 = "granary, warm cache", "granary, empty cache", "ext4 after drop_caches"


def measure(world):
    table = world.table(NAME)
    table.facts["cores"] = os.cpu_count()
    reading = Reading(world)
    with servers.granary_serve(world.tools, world.repository) as url, world.ext4().mounted(world.at("mnt-ext4")) as tree:
        warm, cold = world.granary(url, "parallel-cache"), world.granary(url, "cold-cache")
        say("filling the client's cache")
        with warm.mounted(world.at("mnt-parallel")) as top:
            world.check_target(top)
        for _ in world.rounds("parallel readers"):
            for readers in (1, READERS):
                drop_caches()
                reading.measure(table, EXT4, readers, tree)
                on_fresh_mount(world, table, reading, WARM, warm, readers)
                cold.forget()
                on_fresh_mount(world, table, reading, COLD, cold, readers)


def on_fresh_mount(world, table, reading, name, mount, readers):
    """The kernel knows nothing of the files; what the client keeps, and what the server sends, is in the page cache."""
    try:
        with mount.mount_timed(world.at("mnt-parallel")) as (top, _):
            reading.measure(table, name, readers, top, lambda: mount.processor_seconds(top))
    except Failed as failed:
        table.give_up(readers_of(readers), name, failed)


def readers_of(count):
    return "1 reader" if count == 1 else f"{count} readers"


class Reading:
    """All files of the tree, dealt to readers in runs of neighbours."""

    def __init__(self, world):
        assert world.trust
        paths = workloads.files_up_to(world.tree, ["."], limit=None)
        self.bytes = sum(os.lstat(os.path.join(world.tree, path)).st_size for path in paths)
        self.lists = {count: [self.listing(world, f"files-{count}-{i}", part) for i, part in enumerate(deal(paths, count))]
                      for count in (1, READERS)}

    @staticmethod
    def listing(world, name, paths):
        with open(world.at(name), "wb") as out:
            out.write(b"".join(os.fsencode(path) + b"\0" for path in paths))
        return world.at(name)

    def measure(self, table, name, count, top, served=lambda: 0.0):
        """`served`: the processor seconds that the target's own process has used."""
        used, began = children_seconds() + served(), time.monotonic()
        readers = [subprocess.Popen(f"xargs -0 -a {listing} cat | wc -c", shell=True, cwd=top, stdout=subprocess.PIPE,
                                    stdin=subprocess.DEVNULL) for listing in self.lists[count]]
        read = sum(int(reader.communicate()[0]) for reader in readers)
        took = time.monotonic() - began
        used = children_seconds() + served() - used
        if read != self.bytes:
            table.give_up(readers_of(count), name, Wrong(f"read {read} bytes, the tree has {self.bytes}"))
        table.add(readers_of(count), name, took)
        table.add(f"cores used by {readers_of(count)}", name, used / took)


def deal(paths, count):
    """`count` runs of neighbours of about the same length."""
    return [paths[len(paths) * i // count:len(paths) * (i + 1) // count] for i in range(count)]


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
