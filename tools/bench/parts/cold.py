"""An empty client cache over loopback, the server's files in the page cache; beside it ext4 after drop_caches."""
import servers
import workloads
from measure import Failed, drop_caches

NAME = "cold"
SERVERS = ["granary serve", "nginx"]


def measure(world):
    table = world.table(NAME)
    loads = workloads.reads(world.tree) + workloads.starts(world.tree)
    table.facts["workloads"] = ["mount"] + [load.name for load in loads]
    trust = world.trust
    assert trust
    for turn in world.rounds("cold over loopback"):
        read_ext4(world, table, loads)
        world.warm_server()
        with servers.granary_serve(world.tools, world.repository) as url:
            read_cold(world, table, "granary serve", url, loads, check=turn == 0)
        logs = world.at(f"nginx-{turn}")
        with servers.nginx(logs, world.repository) as url:
            read_cold(world, table, "nginx", url, loads, check=turn == 0)
            table.facts["requests and bytes"] = servers.requests_logged(logs)


def read_ext4(world, table, loads):
    with world.ext4().mounted(world.at("mnt-ext4")) as top:
        for load in loads:
            drop_caches()
            table.add(load.name, "ext4 after drop_caches", load.seconds(top))


def read_cold(world, table, server, url, loads, check):
    """Each workload on a mount of its own, of a client that knows nothing."""
    for load in loads:
        mount = world.granary(url, "cold-cache")
        mount.forget()
        try:
            with mount.mount_timed(world.at("mnt-cold")) as (top, took):
                table.add("mount", server, took)
                table.add(load.name, server, load.seconds(top))
                if check and load.name == "tar":
                    world.check_target(top)
        except Failed as failed:
            table.give_up(load.name, server, failed)
