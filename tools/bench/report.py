"""docs/benchmarks.md: machine, commands, medians, ratios, and which aims are met."""
import datetime
import json
import os
import platform

from measure import Failed, run

TARGETS = ["granary", "ext4", "squashfs", "erofs", "erofs lz4hc", "squashfuse"]
PUBLISHERS = ["granary", "tar | zstd -3 -T2", "mksquashfs", "mkfs.erofs", "mkfs.erofs -zlz4hc"]
SERVERS = ["granary serve", "nginx"]

# Measured once, elsewhere, on a like machine and tree (CernVM-FS 2.12, built from source, nginx on loopback).
CERNVM_FS = [
    ("publish the tree", "21-22.7 s"), ("publish one changed file", "1.3-3.2 s, a 4.1 MB catalog"),
    ("find, hot", "0.83 s"), ("find, after drop_caches", "2.05 s"), ("tar, hot", "4.1 s"),
    ("tar, after drop_caches", "11.8 s"), ("tar, empty cache, loopback", "26 s, 33,727 requests, 312 MB"),
    ("mount, empty cache", "0.23-0.42 s"),
]


def machine(root):
    def quietly(command):
        try:
            return run(command).strip()
        except Failed:
            return "unknown"

    memory = int(quietly("awk '/MemTotal/ { print $2 }' /proc/meminfo") or 0) // (1 << 20)
    return {
        "processor": quietly("sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1") + f", {os.cpu_count()} cores",
        "memory": f"{memory} GiB",
        "kernel": platform.release(),
        "system": quietly(". /etc/os-release; echo \"$PRETTY_NAME\""),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "commit": quietly(f"git -C {root} rev-parse --short HEAD"),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
    }


def shown(value):
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def megabytes(size):
    return f"{size / 1e6:.1f} MB"


def aims(bench):
    """(what, its value, its limit) in words and numbers; a value of None was not measured."""
    table = bench.table

    def ratio(workload, target, peer_workload, peer):
        mine, theirs = table.median(workload, target), table.median(peer_workload, peer)
        return mine / theirs if mine and theirs else None

    def beside_ext4(workload):
        return ratio(workload, "granary", workload, "ext4")

    again = table.median("publish, one file changed", "granary")
    grown = bench.facts.get("new bytes after one changed file")
    return [
        ("publish beside `tar \\| zstd -3 -T2`", ratio("publish", "granary", "publish", "tar | zstd -3 -T2"), 2.0, "×"),
        ("hot find beside ext4", beside_ext4("find, hot"), 1.5, "×"),
        ("hot tar beside ext4", beside_ext4("tar, hot"), 1.3, "×"),
        ("find after drop_caches beside ext4", beside_ext4("find, after drop_caches"), 1.0, "×"),
        ("tar after drop_caches beside ext4", beside_ext4("tar, after drop_caches"), 1.0, "×"),
        ("publish after one changed file", again, 1.0, "s"),
        ("new bytes after one changed file", grown / 1000 if grown is not None else None, 400.0, "kB"),
    ]


def aim_rows(bench):
    yield "| Aim | wanted | measured | |"
    yield "|---|---|---|---|"
    for what, value, limit, unit in aims(bench):
        verdict = "not measured" if value is None else "met" if value <= limit else "**not met**"
        yield f"| {what} | ≤ {limit:g} {unit} | {shown(value)} {unit if value is not None else ''} | {verdict} |"


def grid(table, workloads, targets, first):
    """A row for each workload, a column for each target; beside the first peer, its ratio."""
    yield f"| {first} | " + " | ".join(target.replace("|", "\\|") for target in targets) + " |"
    yield "|---" * (len(targets) + 1) + "|"
    for workload in workloads:
        cells = [shown(table.median(workload, target)) for target in targets]
        if any(cell != "–" for cell in cells):
            yield f"| {workload} | " + " | ".join(cells) + " |"


def publishing(bench):
    yield from ["| | seconds (median) | size |", "|---|---|---|"]
    for name in PUBLISHERS:
        size = bench.facts.get(f"size of {name}")
        label = name.replace("|", "\\|")
        yield f"| {label} | {shown(bench.table.median('publish', name))} | {megabytes(size) if size else '–'} |"
    for workload in ["publish, nothing changed", "publish, one file changed"]:
        grown = bench.facts.get("new bytes after one changed file") if "one file" in workload else None
        yield (f"| granary {workload} | {shown(bench.table.median(workload, 'granary'))} | "
               f"{f'+{grown / 1000:.0f} kB' if grown is not None else '–'} |")


def cold(bench):
    workloads = [f"{name}, empty cache" for name in ["mount", *bench.workloads]]
    yield from grid(bench.table, workloads, SERVERS, "seconds (median)")
    if requests := bench.facts.get("requests and bytes, cold"):
        yield ""
        yield f"All of these together made {requests[0]:,} requests for {megabytes(requests[1])} (nginx's own log)."


def body(options, machine_facts, bench):
    facts, workloads = bench.facts, bench.workloads
    yield "# Benchmarks"
    yield ""
    yield "Written by `tools/dev bench`: everything here was measured side by side in one run. Do not edit; run it again."
    yield ""
    yield ", ".join(f"{key} {value}" for key, value in machine_facts.items()) + "."
    yield (f"Tree: Debian 12, {options.kind}, {facts['entries']:,} entries, {megabytes(facts['bytes'])} (files, logical)."
           f" Medians of {options.runs}; ext4 is {facts.get('ext4', 'not measured')}.")
    if float(machine_facts["load before"]) > 0.7:
        yield ""
        yield "**The machine was not quiet when this began; compare ratios, not seconds.**"
    yield from ["", "## Aims", "", *aim_rows(bench)]
    yield from ["", "## Publishing", "", "From a warm page cache into an empty repository.", "", *publishing(bench)]
    rows = [f"{name}, {state}" for name in workloads for state in ("hot", "after drop_caches")]
    yield from ["", "## Reading", "",
                "Seconds. Granary's client cache is warm, served by `granary serve`; after drop_caches the kernel knows nothing.",
                "", *grid(bench.table, rows, TARGETS, "")]
    if facts.get("peak memory of the mount"):
        yield from ["", f"The mount program's memory peaked at {megabytes(facts['peak memory of the mount'])}."]
    yield from ["", "## Cold, over loopback", "", "Empty client cache, the server's files in the page cache.", "", *cold(bench)]
    yield from ["", "## Where CernVM-FS stands", "",
                "2.12, measured on another day on a like machine (2 cores, kernel 6.18, Debian tree of 48,501 entries, 882 MB).", "",
                "| | |", "|---|---|", *(f"| {what} | {value} |" for what, value in CERNVM_FS)]
    yield from ["", "## Commands", "", "In the tree's top directory:", "", "```sh", *commands(bench), "```"]
    if bench.table.reasons:
        yield from ["", "## Not measured", ""]
        yield from (f"- {workload}, {target}: {reason}" for (workload, target), reason in sorted(bench.table.reasons.items()))


def commands(bench):
    for name, command in bench.workloads.items():
        yield f"{command}  # {name}"
    yield "granary publish REPOSITORY TREE; tar cf - . | zstd -3 -T2; mksquashfs . FILE -comp zstd -b 1M; mkfs.erofs FILE ."
    yield "sync; echo 3 >/proc/sys/vm/drop_caches"


def write(options, machine_facts, bench):
    with open(options.output, "w") as out:
        out.write("\n".join(body(options, machine_facts, bench)) + "\n")
    raw = {"machine": machine_facts, "facts": bench.facts,
           "runs": {f"{workload} | {target}": values for (workload, target), values in bench.table.runs.items()}}
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "build")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "benchmarks.json"), "w") as out:
        json.dump(raw, out, indent=1)
