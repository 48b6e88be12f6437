"""Reading with a warm client cache, hot and after drop_caches: all targets mounted at once, rounds over all of them."""
import contextlib

import images
import servers
import targets
import workloads
from measure import Failed, drop_caches, say

NAME = "read"


def measure(world):
    table = world.table(NAME)
    images.make_anew(world)
    loads = workloads.reads(world.tree) + workloads.starts(world.tree)
    table.facts["workloads"] = [load.name for load in loads]
    with contextlib.ExitStack() as stack:
        tops = mount_all(world, table, loads, stack)
        for _ in world.rounds("reading"):
            for target, top in tops.items():
                read_once(table, target.name, top, loads)
        for target, top in tops.items():
            if isinstance(target, targets.Granary):
                table.facts["peak memory of the mount"] = target.peak_memory(top)


def mount_all(world, table, loads, stack):
    """The targets that could be mounted and hold the tree; their client caches are full."""
    tops = {}
    for target in reading_targets(world, stack):
        say(f"mounting and checking {target.name}")
        try:
            top = stack.enter_context(target.mounted(world.at(f"mnt-{len(tops)}")))
            world.check_target(top)
            tops[target] = top
        except Failed as failed:
            for load in loads:
                table.give_up(load.name, target.name, failed)
    return tops


def reading_targets(world, stack):
    yield world.ext4()
    yield targets.Image("squashfs", world.at("squashfs"), "squashfs")
    yield targets.Image("erofs", world.at("erofs"), "erofs")
    yield targets.Image("erofs lz4hc", world.at("erofs.lz4"), "erofs")
    yield targets.Squashfuse(world.at("squashfs"))
    trust = world.trust
    url = stack.enter_context(servers.granary_serve(world.tools, world.repository))
    yield targets.Granary(world.tools, url, trust, world.at("cache"))


def read_once(table, name, top, loads):
    for load in loads:
        drop_caches()
        timed(table, f"{load.name}, after drop_caches", name, load, top)
        timed(table, f"{load.name}, second time", name, load, top)  # the kernel makes pages active on their second use
        timed(table, f"{load.name}, hot", name, load, top)


def timed(table, workload, name, load, top):
    try:
        table.add(workload, name, load.seconds(top))
    except Failed as failed:
        table.give_up(workload, name, failed)
