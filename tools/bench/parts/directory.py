"""A directory of 200,000 entries listed, on a granary mount and on ext4."""
import os

import servers
import targets
from measure import Failed, drop_caches, run, say
from workloads import Workload

NAME = "directory"
TARGETS = ["granary", "ext4"]
FIRST, HOT, DROPPED, EMPTY = "fresh mount, warm cache", "hot", "after drop_caches", "empty cache"


def measure(world):
    table = world.table(NAME)
    tree, repository = world.at("directory-tree"), world.at("directory-repository")
    say(f"making a directory of {world.options.directory:,} entries")
    make_directory(os.path.join(tree, "many"), world.options.directory)
    table.facts["entries"] = world.options.directory
    listing = Workload("readdir", "ls -f many | wc -l", tree)
    trust = world.tools.init(repository, world.at("directory-keys"))
    run(world.tools.publish(repository, tree))
    with servers.granary_serve(world.tools, repository) as url:
        mount = targets.Granary(world.tools, url, trust, world.at("directory-cache"))
        for _ in world.rounds("listing a large directory"):
            mount.forget()
            read_target(table, mount, world.at("mnt-directory"), listing)
            read_target(table, targets.HostTree(tree), None, listing)


def make_directory(path, entries):
    os.makedirs(path)
    for number in range(entries):
        os.close(os.open(os.path.join(path, f"entry-{number:06d}"), os.O_CREAT | os.O_WRONLY, 0o644))


def read_target(table, target, at, listing):
    """On granary first with an empty cache, and by a mount that knows nothing but has the cache; then after drop_caches,
    and once more."""
    try:
        if target.name == "granary":
            for state in (EMPTY, FIRST):
                with target.mounted(at) as top:
                    table.add(state, target.name, listing.seconds(top))
        with target.mounted(at) as top:
            drop_caches()
            table.add(DROPPED, target.name, listing.seconds(top))
            table.add(HOT, target.name, listing.seconds(top))
    except Failed as failed:
        table.give_up(DROPPED, target.name, failed)
