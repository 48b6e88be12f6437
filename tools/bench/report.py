"""docs/benchmarks.md: machine, commands, medians, ratios, and which aims are met."""
import datetime
import json
import os
import platform

import aims
import workloads
from measure import Failed, run
from parts import boot, cold, cook, directory, link, parallel, scale

HERE = os.path.dirname(os.path.abspath(__file__))
REMARKS = os.path.join(HERE, "remarks.md")
TARGETS = ["granary", "ext4", "squashfs", "erofs", "erofs lz4hc", "squashfuse"]
PUBLISHERS = ["granary", "tar | zstd -3 -T2", "mksquashfs", "mkfs.erofs", "mkfs.erofs -zlz4hc"]

# Measured once, elsewhere, on a like machine and tree (CernVM-FS 2.12, built from source, nginx on loopback).
CERNVM_FS = [
    ("publish the tree", "21-22.7 s"), ("publish one changed file", "1.3-3.2 s, a 4.1 MB catalog"),
    ("find, hot", "0.83 s"), ("find, after drop_caches", "2.05 s"), ("tar, hot", "4.1 s"),
    ("tar, after drop_caches", "11.8 s"), ("tar, empty cache, loopback", "26 s, 33,727 requests, 312 MB"),
    ("mount, empty cache", "0.23-0.42 s"), ("mount over the link", "0.55 s"), ("find over the link", "2.5 s"),
    ("start python with numpy over the link", "8.5 s; warm 0.21 s"),
    ("compile hello world over the link", "2.8 s; warm 0.04 s"),
    ("cat of 1,000 small files over the link", "22.8 s"), ("tar over the link", "770 s, 33 × line rate"),
    ("readdir of 200,000 entries", "3 s (15 µs a row)"), ("memory of the client", "41 MB after find, 48 MB after tar"),
]


def quietly(command):
    try:
        return run(command).strip()
    except Failed:
        return "unknown"


def machine(root):
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


# --- words and tables -------------------------------------------------------------------------------------------------


def shown(value):
    if value is None:
        return "–"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def megabytes(size):
    return f"{size / 1e6:.1f} MB"


def escaped(text):
    return text.replace("|", "\\|")


def grid(table, workloads_shown, targets, first):
    """A row for each workload, a column for each target."""
    yield f"| {first} | " + " | ".join(escaped(target) for target in targets) + " |"
    yield "|---" * (len(targets) + 1) + "|"
    for workload in workloads_shown:
        cells = [shown(table.median(workload, target)) for target in targets]
        if any(cell != "–" for cell in cells):
            yield f"| {workload} | " + " | ".join(cells) + " |"


def aim_rows(results, kept):
    yield "| Aim | wanted | measured | | CernVM-FS |"
    yield "|---|---|---|---|---|"
    for part, part_aims in aims.aims_by_part(results).items():
        for aim in part_aims:
            yield kept.aims[aim.what] if part not in results and aim.what in kept.aims else aim_row(aim)


def aim_row(aim):
    sign = "≥" if aim.at_least else "≤"
    measured = f"{shown(aim.value)} {aim.unit}" if aim.value is not None else "–"
    return f"| {aim.what} | {sign} {aim.limit:.4g} {aim.unit} | {measured} | {aims.verdict(aim)} | [{aim.peer}] |"


def remarks():
    """What people have to say about the numbers: remarks.md, without its own first comment."""
    with open(REMARKS) as text:
        lines = text.read().split("-->", 1)[-1].strip().splitlines()
    return ["", *lines] if lines else []


# --- a section for each part ------------------------------------------------------------------------------------------


def publishing(table):
    yield from ["From a warm page cache into an empty repository.", "",
                "| | seconds (median) | size |", "|---|---|---|"]
    for name in PUBLISHERS:
        size = table.facts.get(f"size of {name}")
        yield f"| {escaped(name)} | {shown(table.median('publish', name))} | {megabytes(size) if size else '–'} |"
    for workload in ["publish, nothing changed", "publish, one file changed"]:
        grown = table.facts.get("new bytes after one changed file") if "one file" in workload else None
        yield (f"| granary {workload} | {shown(table.median(workload, 'granary'))} | "
               f"{f'+{grown / 1000:.0f} kB' if grown is not None else '–'} |")


def reading(table):
    states = ("hot", "second time", "after drop_caches")
    rows = [f"{name}, {state}" for name in table.facts["workloads"] for state in states]
    yield from ["Seconds. Granary's client cache is warm, served by `granary serve`; after drop_caches"
                " the kernel knows nothing.", "", *grid(table, rows, TARGETS, "")]
    if table.facts.get("peak memory of the mount"):
        yield from ["", f"The mount program's memory peaked at {megabytes(table.facts['peak memory of the mount'])}."]


def cold_section(table):
    yield from ["Empty client cache, a fresh mount each, the server's files in the page"
                " cache.", "", *grid(table, table.facts["workloads"], [*cold.SERVERS, "ext4 after drop_caches"],
                                     "seconds (median)")]
    if requests := table.facts.get("requests and bytes"):
        yield from ["", f"All of these together made {requests[0]:,} requests for {megabytes(requests[1])} (nginx's log)."]


def link_section(table):
    files = table.facts["small files"]
    yield from [f"{table.facts['rate']}bit/s and {table.facts['round_trip']} there and back for all connections together,"
                " by tests/support/emulated_link.h, which says what it leaves out (loss, slow start). Empty client cache,"
                " a fresh mount each. Beside each time stands what the bytes that nginx sent take at that rate."
                f" The small files are {files['count']:,} of at most 256 KiB, {megabytes(files['bytes'])}, in order of"
                " path.", ""]
    starts = [link.PYTHON, link.PROFILED, link.PACKED]
    names = ["mount", "find", link.FILES, *starts, *(link.WITH_MOUNT + start for start in starts), "compile hello world",
             "tar"]
    yield from grid(table, names, [*link.SERVERS, link.LINE_RATE], "seconds (median)")


def parallel_section(table):
    names = [parallel.WARM, parallel.COLD, parallel.EXT4]
    one, many = parallel.readers_of(1), parallel.readers_of(parallel.READERS)
    rows = [one, many, f"cores used by {one}", f"cores used by {many}"]
    yield from ["All files of the tree, read by one `cat`, then by eight that share them."
                " Seconds, and processor time of readers and mount program a second. The kernel knows nothing of the files"
                " on a fresh mount; the cache's and the server's files are in the page cache.", "",
                *grid(table, rows, names, "")]
    speed_ups = [(name, aims.ratio(table.median(one, name), table.median(many, name))) for name in names]
    yield from ["", "Speed-up: " + ", ".join(f"{name} {shown(value)} ×" for name, value in speed_ups) + "."]


def directory_section(table):
    rows = [directory.EMPTY, directory.FIRST, directory.DROPPED, directory.HOT]
    yield from [f"`ls -f` of {table.facts['entries']:,} entries, over loopback.", "",
                *grid(table, rows, directory.TARGETS, "seconds (median)")]


def scale_section(table):
    labels = [scale.label(entries) for entries in table.facts["entries"]]
    rows = [scale.GENERATE, scale.MOUNT, scale.MOUNT_LINK, scale.WALK, scale.ENTRY, scale.CHANGED]
    yield from ["Generated repositories (tools/bench/generated_tree.py), over loopback, empty client"
                " cache. The changed file is published with its directory (`publish --path`).", "",
                *grid(table, rows, labels, "seconds (median)")]
    for one in labels:
        if memory := aims.median(table.runs.get(("memory", one), [])):
            yield from ["", f"{one}: the client's memory peaked at {megabytes(memory)} while find walked;"
                        f" the repository has {megabytes(table.facts[f'bytes of {one}'])};"
                        f" one changed file added {table.facts.get(f'new bytes of {one}', 0) / 1000:.0f} kB."]


def boot_section(table):
    starts = [start + what for start in (boot.FIRST, boot.SECOND, boot.FRESH)
              for what in ("", boot.PROCESSOR, boot.OVER_THE_LINK)]
    parts = [name for name, _ in table.runs if name not in starts]
    sizes = [*dict.fromkeys(name for name in parts if name != boot.TOGETHER), boot.TOGETHER]
    yield from [f"Virtual machines without KVM over {table.facts['rate']}bit/s and {table.facts['round_trip']}: Debian 12"
                " with an ssh server, Debian's kernel. Seconds that the guest ran until it was complete, and processor"
                " seconds of QEMU until then. A first start has an empty disk: it makes a file system, host keys, a"
                " journal; the second finds all that made. *First start, warm cache* makes it again, but for the file"
                " system: the OS's changes of the start before were in memory.", "",
                *grid(table, starts, [boot.PROFILED, boot.PLAIN], "medians"), "",
                "The micro image, MB; parts of the initramfs are packed together, each is told its share.", "",
                *grid(table, sizes, [boot.TINY, boot.FAST, boot.DEBIAN], "")]


def cook_section(table):
    recipes = [recipe for recipe in cook.RECIPES if table.facts.get(f"packages of {recipe}")]
    rows = [cook.row(recipe, state) + ending for recipe in recipes
            for state in (cook.COLD, cook.WARM, cook.MORE, cook.AGAIN) for ending in ("", cook.BY_THE_CLOCK)]
    counts = ", ".join(f"{recipe} {table.facts[f'packages of {recipe}']} packages" for recipe in recipes)
    yield from [f"Processor seconds of all processes, and seconds by the clock; {counts}, the same"
                " versions for all. Granary also publishes the tree, compressed and signed; mmdebstrap and debootstrap"
                " leave a directory. All download from the same archive when they start from nothing.", "",
                *grid(table, rows, ["granary", cook.MMDEBSTRAP, cook.DEBOOTSTRAP], "")]


# The title and the lines of each part, in the order of the page.
SECTIONS = {"publish": ("Publishing", publishing), "read": ("Reading", reading),
            cold.NAME: ("Cold, over loopback", cold_section), link.NAME: ("Cold, over the link", link_section),
            boot.NAME: ("Booting", boot_section), parallel.NAME: ("Readers in parallel", parallel_section),
            directory.NAME: ("A large directory", directory_section), scale.NAME: ("Scale", scale_section),
            cook.NAME: ("Cooking", cook_section)}


# --- the whole page ---------------------------------------------------------------------------------------------------


def body(options, machine_facts, results, tree_facts, kept):
    """`kept`: what an earlier page says of parts that were not measured now (kept.py)."""
    yield "# Benchmarks"
    yield ""
    yield ("Written by `tools/dev bench`: what stands in one section was measured side by side in one run. Do not edit;"
           " run it again, or one part of it with `--only PART --add`. What people have to add stands in"
           " tools/bench/remarks.md.")
    yield ""
    yield ", ".join(f"{key} {machine_facts[key]}" for key in ABOUT_THE_MACHINE if key in machine_facts) + "."
    if "entries" in tree_facts:
        yield (f"Tree: Debian 12, {options.kind}, {tree_facts['entries']:,} entries, {megabytes(tree_facts['bytes'])}"
               f" (files, logical); ext4 is {tree_facts.get('ext4', 'not measured')}.")
    elif kept.tree:
        yield kept.tree
    yield from ["", "## Aims", "", *aim_rows(results, kept), *remarks(), ""]
    for part, (title, section) in SECTIONS.items():
        if part in results:
            yield from [f"## {title}", "", about_the_run(options, machine_facts), ""]
            yield from part_lines(results[part], section)
        elif title in kept.sections:
            yield from [f"## {title}", *kept.sections[title]]
    yield from ["## Where CernVM-FS stands", "",
                "2.12, measured on another day on a like machine (2 cores, kernel 6.18, Debian tree of 48,501 entries,"
                " 882 MB; the link has 100 Mbit/s and 20 ms).", "",
                "| | |", "|---|---|", *(f"| {what} | {value} |" for what, value in CERNVM_FS)]
    yield from ["", "## Commands", "", "In the tree's top directory:", "", "```sh", *COMMANDS, "```"]


def part_lines(table, section):
    if table.runs:
        yield from [*section(table), ""]
    if table.reasons:
        yield from ["Not measured:", ""]
        yield from (f"- {workload}, {target}: {reason}" for (workload, target), reason in sorted(table.reasons.items()))
        yield ""


ABOUT_THE_MACHINE = ["processor", "memory", "kernel", "system"]


def about_the_run(options, machine_facts):
    """The rest of what is known of a run: parts may be of different ones."""
    known = [f"{key} {value}" for key, value in machine_facts.items() if key not in ABOUT_THE_MACHINE]
    busy = "; **the machine was not quiet when this began: compare ratios, not seconds**"
    return (f"`tools/dev bench {' '.join(options.words)}`: {', '.join([*known, f'medians of {options.runs}'])}"
            f"{busy if float(machine_facts['load before']) > 0.7 else ''}.")


COMMANDS = [
    "find . -xdev -printf '%s %m\\n' | wc -l  # find",
    "tar cf - --warning=no-file-ignored . | wc -c  # tar",
    f"{workloads.PYTHON}  # start python with numpy",
    "echo 'int main(void) { return 0; }' | chroot . gcc -O2 -x c -S -o - -  # compile hello world",
    "granary publish REPOSITORY TREE; tar cf - . | zstd -3 -T2; mksquashfs . FILE -comp zstd -b 1M; mkfs.erofs FILE .",
    "sync; echo 3 >/proc/sys/vm/drop_caches",
    "emulated-link --to 127.0.0.1:PORT --rate 100M --rtt 20ms",
]


def write(options, machine_facts, results, tree_facts, kept):
    lines = list(body(options, machine_facts, results, tree_facts, kept))
    with open(options.output, "w") as out:
        out.write("\n".join(lines) + "\n")


def write_raw(path, machine_facts, results, tree_facts):
    """Every single run, for whoever wants to look."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        json.dump({"machine": machine_facts, "tree": tree_facts,
                   "parts": {part: table.to_json() for part, table in results.items()}}, out, indent=1)
