"""Every way of packing the tree, and what it leaves behind; then the tree again, changed a little."""
import contextlib
import os

import images
import workloads
from measure import Failed, run
from targets import public_bytes

NAME = "publish"


def measure(world):
    table = world.table(NAME)
    workloads.tar(world.tree)  # all start from a warm page cache
    for _ in world.rounds("publishing"):
        for way in images.ways(world):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(way.result)
            table.timed("publish", way.name, way.command, cwd=world.tree)
        publish_granary(world, table)
    for way in images.ways(world):
        if os.path.exists(way.result):
            table.facts[f"size of {way.name}"] = os.path.getsize(way.result)
    publish_again(world, table)


def publish_granary(world, table):
    try:
        table.add("publish", "granary", world.publish_anew())
        table.facts["size of granary"] = public_bytes(world.repository)
        table.facts["objects"] = int(run(f"find {world.repository}/objects -type f | wc -l"))
    except (Failed, OSError, KeyError, ValueError) as failed:
        table.give_up("publish", "granary", failed)


def publish_again(world, table):
    """The same tree when nothing has changed, and when one small file has."""
    sizes = []
    try:
        for turn in world.rounds("publishing again"):
            table.add("publish, nothing changed", "granary",
                      world.tools.publish_seconds(world.repository, world.tree))
            with open(os.path.join(world.tree, "etc/motd"), "a") as out:
                out.write(f"harvest {turn}\n")
            world.tree_changed()
            before = public_bytes(world.repository)
            table.add("publish, one file changed", "granary",
                      world.tools.publish_seconds(world.repository, world.tree))
            sizes.append(public_bytes(world.repository) - before)
        table.facts["new bytes after one changed file"] = sorted(sizes)[len(sizes) // 2]
    except Failed as failed:
        table.give_up("publish, one file changed", "granary", failed)
