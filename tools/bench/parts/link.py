"""An empty client cache over the emulated link; beside each time, what its bytes take at line rate."""

import servers
import workloads
from measure import Failed, run, say

NAME = "link"
SERVERS = ["nginx", "granary serve"]
LINE_RATE = "bytes at line rate"
FILES = "cat of 1,000 small files"
PYTHON = "start python with numpy"
PROFILED = "start python with numpy, profile"
PACKED = "start python with numpy, profile, packed by it"
WITH_MOUNT = "mount and "


def measure(world):
    table = world.table(NAME)
    table.facts.update(rate=world.options.rate, round_trip=world.options.rtt)
    loads = link_workloads(world, table)
    trust = world.trust
    assert trust
    world.warm_server()
    for turn in world.rounds("over the link"):
        with servers.nginx(world.at("nginx-link"), world.repository) as url:
            read_over_link(world, table, "nginx", url, loads, check=turn == 0)
        with servers.granary_serve(world.tools, world.repository) as url:
            read_over_link(world, table, "granary serve", url, [load for load in loads if load.name != "tar"])
    if any(load.name == PYTHON for load in loads):
        measure_profile(world, table, next(load for load in loads if load.name == PYTHON))


def link_workloads(world, table):
    paths = workloads.small_files(world.tree)
    files = workloads.cat_files(FILES, paths, world.tree, world.at("small-files"))
    table.facts["small files"] = {"count": len(paths), "bytes": int(files.expected)}
    return [workloads.find(world.tree), files, *workloads.starts(world.tree), workloads.tar(world.tree)]


def read_over_link(world, table, server, url, loads, check=False):
    with servers.link(world.tools, url, world.options.rate, world.options.rtt) as link:
        for load in loads:
            mount = world.granary(link.url, "link-cache")
            mount.forget()
            try:
                with mount.mount_timed(world.at("mnt-link")) as (top, took):
                    table.add("mount", server, took)
                    read_one(table, server, link, load, top)
                    if check and load.name == "tar":
                        world.check_target(top)
            except Failed as failed:
                table.give_up(load.name, server, failed)


def read_one(table, server, link, load, top):
    before = link.carried()["down_bytes"]
    table.add(load.name, server, load.seconds(top))
    carried = link.carried()["down_bytes"] - before
    if server == "nginx":
        table.facts[f"bytes carried for {load.name}"] = carried
        table.add(load.name, LINE_RATE, carried * 8 / bits_per_second(table.facts["rate"]))


def bits_per_second(text):
    """100M as emulated-link reads it."""
    factors = {"k": 10**3, "M": 10**6, "G": 10**9}
    return int(text.rstrip("kMG")) * factors.get(text[-1], 1)


def round_trip_seconds(text):
    for unit, factor in (("us", 1e-6), ("ms", 1e-3), ("s", 1.0)):
        if text.endswith(unit):
            return int(text.removesuffix(unit)) * factor
    raise ValueError(text)


# --- with a profile ---------------------------------------------------------------------------------------------------


def measure_profile(world, table, load):
    if not world.tools.has("profile", "record"):
        table.give_up(PROFILED, "nginx", "this granary cannot record profiles")
        return
    try:
        attach_profile(world, load)
        packed = publish_packed(world)
    except Failed as failed:
        table.give_up(PROFILED, "nginx", failed)
        return
    for _ in world.rounds("over the link with a profile"):
        start_after_mount(world, table, world.repository, load, load.name, None)
        start_after_mount(world, table, world.repository, load, PROFILED, "boot")
        start_after_mount(world, table, packed, load, PACKED, "boot")


def attach_profile(world, load):
    """Records what `load` touches, on a mount over loopback, and attaches it to the snapshot as "boot"."""
    say("recording a profile")
    trace = world.at("python.profile")
    with servers.granary_serve(world.tools, world.repository) as url:
        mount = world.granary(url, "profile-cache")
        mount.forget()
        with mount.mounted(world.at("mnt-profile")) as top:
            run([world.tools.granary, "profile", "record", "--mount", top, "--output", trace, "--", "bash", "-c",
                 f"cd {top} && {load.command}"])
    run([world.tools.granary, "profile", "attach", world.repository, "main", trace, "--name", "boot"])


def publish_packed(world):
    """A copy of the repository in which the tree is published once more, packed by the profile."""
    packed = world.at("packed-repository")
    run(["cp", "-a", world.repository, packed])
    run(world.tools.publish(packed, world.tree, "--profile", "boot"))
    return packed


def start_after_mount(world, table, repository, load, workload, profile):
    """The program at once after the mount answered; another row counts from the beginning of mounting."""
    with servers.nginx(world.at("nginx-link"), repository) as url, \
            servers.link(world.tools, url, world.options.rate, world.options.rtt) as link:
        mount = world.granary(link.url, "link-cache", profile)
        mount.forget()
        try:
            with mount.mount_timed(world.at("mnt-link")) as (top, took):
                running = load.seconds(top)
            carried = link.carried()["down_bytes"] * 8 / bits_per_second(table.facts["rate"])
        except Failed as failed:
            table.give_up(workload, "nginx", failed)
            return
    if profile:
        table.add(workload, "nginx", running)
    table.add(WITH_MOUNT + workload, "nginx", took + running)
    table.add(WITH_MOUNT + workload, LINE_RATE, carried)
