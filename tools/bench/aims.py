"""What we set out to reach, as ratios and limits, and whether this run reached it."""
import os
from collections import namedtuple

from measure import Table, median, ratio
from parts import boot, cold, cook, directory, link, parallel, scale

# `value` and `limit` are in `unit`; None was not measured. `peer` is where CernVM-FS stands.
Aim = namedtuple("Aim", "what value limit unit peer at_least", defaults=("–", False))


def verdict(aim):
    if aim.value is None:
        return "not measured"
    reached = aim.value >= aim.limit if aim.at_least else aim.value <= aim.limit
    return "met" if reached else "**not met**"


def scaled(value, factor):
    return None if value is None else value * factor


def aims_by_part(results):
    """`results`: a Table by part; a part that is missing was not measured."""
    judges = {"publish": publishing, "read": reading, cold.NAME: cold_reading, link.NAME: over_the_link,
              boot.NAME: booting, parallel.NAME: in_parallel, directory.NAME: large_directory, scale.NAME: at_scale,
              cook.NAME: cooking}
    return {part: judge(results.get(part, Table())) for part, judge in judges.items()}


def all_aims(results):
    return [aim for part in aims_by_part(results).values() for aim in part]


def publishing(table):
    beside_tar = ratio(table.median("publish", "granary"), table.median("publish", "tar | zstd -3 -T2"))
    grown = table.facts.get("new bytes after one changed file")
    return [
        Aim("publish beside `tar \\| zstd -3 -T2`", beside_tar, 2.0, "×", "5 ×"),
        Aim("publish after one changed file", table.median("publish, one file changed", "granary"), 1.0, "s", "1.3-3.2 s"),
        Aim("new bytes after one changed file", scaled(grown, 1e-3), 400.0, "kB", "4,100 kB"),
    ]


def reading(table):
    def beside_ext4(workload):
        return table.ratio(workload, "granary", "ext4")

    return [
        Aim("hot find beside ext4", beside_ext4("find, hot"), 1.5, "×", "7 ×"),
        Aim("hot tar beside ext4", beside_ext4("tar, hot"), 1.3, "×", "3.2 ×"),
        Aim("tar the second time beside ext4", beside_ext4("tar, second time"), 1.3, "×", "–"),
        Aim("find after drop_caches beside ext4", beside_ext4("find, after drop_caches"), 1.0, "×", "3.5 ×"),
        Aim("tar after drop_caches beside ext4", beside_ext4("tar, after drop_caches"), 1.0, "×", "2.4 ×"),
    ]


def cold_reading(table):
    """Of the servers the quicker one: what is measured is the client."""
    quickest = [value for value in (table.ratio("tar", server, "ext4 after drop_caches") for server in cold.SERVERS)
                if value is not None]
    return [Aim("cold tar over loopback beside ext4 after drop_caches", min(quickest, default=None), 1.5, "×", "5.3 ×")]


def over_the_link(table):
    def took(workload):
        return table.median(workload, "nginx")

    six_round_trips = 6 * link.round_trip_seconds(table.facts.get("round_trip", "20ms")) + 0.1
    return [
        Aim("link: mount", took("mount"), six_round_trips, "s", "0.55 s"),
        Aim("link: cold find", took("find"), 1.0, "s", "2.5 s"),
        Aim("link: cold tar beside its compressed bytes at line rate", table.ratio("tar", "nginx", link.LINE_RATE), 1.1,
            "×", "33 ×"),
        Aim("link: 1,000 small files", took(link.FILES), 1.5, "s", "22.8 s"),
        Aim("link: start python with numpy", took(link.PYTHON), 1.5, "s", "8.5 s"),
        Aim("link: the same with a profile", took(link.PROFILED), 0.8, "s", "8.5 s"),
        Aim("link: the same, packed by the profile", took(link.PACKED), 0.8, "s", "8.5 s"),
    ]


def booting(table):
    """With a profile. A first start makes what the second finds made; beside one that makes it again, only the cache
    differs."""
    first = table.median(boot.FIRST, boot.PROFILED)

    def beside(start):
        return ratio(first, table.median(start, boot.PROFILED))

    moved = table.median(boot.FIRST + boot.OVER_THE_LINK, boot.PROFILED)
    return [
        Aim("link: first boot beside the second, profile", beside(boot.SECOND), 1.3, "×", "–"),
        Aim("link: the same beside a first boot whose cache is warm", beside(boot.FRESH), 1.3, "×", "–"),
        Aim("link: bytes of a first boot", moved, 60.0, "MB", "100 MB"),
        *(Aim(f"kernel and initramfs, {kernel}", table.median(boot.TOGETHER, kernel), limit, "MB", "12 MB")
          for kernel, limit in boot.SIZE_AIMS.items()),
    ]


def in_parallel(table):
    cores = table.median(f"cores used by {parallel.readers_of(parallel.READERS)}", parallel.WARM)
    wanted = 0.8 * table.facts.get("cores", os.cpu_count())
    return [Aim("cores that 8 parallel readers use", cores, wanted, "cores", "one thread downloads", at_least=True)]


def large_directory(table):
    entries = table.facts.get("entries", 200_000)
    return [Aim(f"readdir of {entries:,} entries, {directory.FIRST}", table.median(directory.FIRST, "granary"), 0.3, "s",
                "3 s")]


def at_scale(table):
    large, small = (scale.label(entries) for entries in table.facts.get("entries", [5_000_000, scale.SMALL_ENTRIES]))
    grown = table.facts.get(f"new bytes of {large}")
    return [
        Aim(f"mount of {large} beside {small}", ratio(table.median(scale.MOUNT, large), table.median(scale.MOUNT, small)),
            1.2, "×"),
        Aim("the same over the link", ratio(table.median(scale.MOUNT_LINK, large), table.median(scale.MOUNT_LINK, small)),
            1.2, "×"),
        Aim(f"client's memory while find walks {large}", scaled(median(table.runs.get(("memory", large), [])), 1e-6), 100.0,
            "MB", "41 MB for 48,501"),
        Aim(f"publish one changed file among {large}", table.median(scale.CHANGED, large), 2.0, "s"),
        Aim("new bytes of that", scaled(grown, 1e-3), 1000.0, "kB"),
    ]


def cooking(table):
    """Processor seconds beside mmdebstrap's, which starts from nothing each time."""
    def beside_mmdebstrap(state):
        return ratio(table.median(cook.row("server", state), "granary"),
                     table.median(cook.row("server", cook.COLD), cook.MMDEBSTRAP))

    again = table.median(cook.row("server", cook.AGAIN) + cook.BY_THE_CLOCK, "granary")
    return [
        Aim("cook a server, packages unpacked already, beside mmdebstrap", beside_mmdebstrap(cook.WARM), 1 / 3, "×"),
        Aim("cook a server from nothing beside mmdebstrap", beside_mmdebstrap(cook.COLD), 0.5, "×"),
        Aim("cook the same lock again", scaled(again, 1000), 50.0, "ms"),
    ]
