#!/usr/bin/python3
"""Measures granary beside its peers, all in one run on one machine, and writes docs/benchmarks.md.

  tools/dev bench [--runs N] [--kind small|reference] [--work DIR] [--output FILE] [--only publish,read,cold]

The tree is made by tests/support/make-reference-tree.sh. Rounds go over all targets in turn, so that a slow
minute of the machine hits all of them. What this machine cannot do is said in the report, not an error.
Needs root (mounts, page cache). The reference kind takes some twenty minutes and 8 GB of disk.
"""
import argparse
import contextlib
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import report
import targets
from measure import Failed, Table, drop_caches, is_mounted, run, say, seconds, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

FIND = "find . -xdev -printf '%s %m\\n' | cat >/dev/null"
TAR = "tar cf - --warning=no-file-ignored . | cat >/dev/null"
PYTHON = ("chroot . python3 -c 'import numpy, json, email.mime.text, sqlite3, xml.dom.minidom, unittest, asyncio,"
          " http.client'")
COMPILE = "echo 'int main(void) { return 0; }' | chroot . gcc -O2 -x c -S -o - - | cat >/dev/null"

READS = {"find": FIND, "tar": TAR}
STARTS = {"start python with numpy": PYTHON, "compile hello world": COMPILE}


class Bench:
    def __init__(self, options, work):
        self.options, self.work = options, work
        self.table, self.facts = Table(), {}
        self.tools = targets.Tools(os.path.abspath(options.bin))
        self.tree = self.at("tree")
        self.repository, self.trust = self.at("repository"), None
        self.granary = None
        self.workloads = dict(READS)

    def at(self, name):
        return os.path.join(self.work, name)

    def wanted(self, part):
        return not self.options.only or part in self.options.only

    def run(self):
        self.make_tree()
        self.publish()
        if self.wanted("read"):
            self.read()
        if self.wanted("cold"):
            self.cold()

    # --- the tree ---------------------------------------------------------------------------------------------

    def make_tree(self):
        say(f"making a {self.options.kind} tree")
        subprocess.run(["bash", os.path.join(ROOT, "tests/support/make-reference-tree.sh"), self.tree,
                        self.options.kind], check=True)
        shutil.rmtree(os.path.join(self.tree, "srv/oddities/names"))  # mkfs.erofs 1.5 fails on a name of 255 bytes
        self.facts["entries"] = int(run("find . | wc -l", cwd=self.tree))
        self.facts["bytes"] = int(run("find . -type f -printf '%s\\n' | awk '{ s += $1 } END { print s }'",
                                      cwd=self.tree))
        if os.path.exists(os.path.join(self.tree, "usr/bin/gcc")):
            self.workloads.update(STARTS)

    # --- publishing -------------------------------------------------------------------------------------------

    def publish(self):
        """Every way of packing the tree, and what it leaves behind; the images are the reading peers."""
        ways = {
            "tar | zstd -3 -T2": (f"tar cf - --warning=no-file-ignored . | zstd -q -f -3 -T2 -o {self.at('tree.zst')}",
                                  "tree.zst"),
            "mksquashfs": (f"mksquashfs . {self.at('squashfs')} -comp zstd -b 1M -noappend -quiet -no-progress"
                           f" -processors {os.cpu_count()}", "squashfs"),
            "mkfs.erofs": (f"mkfs.erofs --quiet {self.at('erofs')} .", "erofs"),
            "mkfs.erofs -zlz4hc": (f"mkfs.erofs --quiet -zlz4hc {self.at('erofs.lz4')} .", "erofs.lz4"),
        }
        rounds = self.options.runs if self.wanted("publish") else 1
        run(TAR, cwd=self.tree)  # all start from a warm page cache
        for turn in range(rounds):
            say(f"publishing, round {turn + 1} of {rounds}")
            for name, (command, result) in ways.items():
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.at(result))
                self.table.timed("publish", name, command, cwd=self.tree)
            self.publish_granary()
        for name, (_, result) in ways.items():
            if os.path.exists(self.at(result)):
                self.facts[f"size of {name}"] = os.path.getsize(self.at(result))
        if self.trust and self.wanted("publish"):
            self.publish_again()

    def public_bytes(self):
        """What readers can see of the repository; the publisher's own index comes and goes."""
        return int(run(["du", "-sb", "--exclude=.granary", self.repository]).split()[0])

    def publish_granary(self):
        if not self.tools.present():
            self.table.give_up("publish", "granary", "not built")
            return
        for folder in (self.repository, self.at("keys")):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            self.trust = self.tools.init(self.repository, self.at("keys"))
            self.table.add("publish", "granary", seconds(self.tools.publish(self.repository, self.tree)))
            self.facts["size of granary"] = self.public_bytes()
            self.facts["objects"] = int(run(f"find {self.repository} -name .granary -prune -o -type f -print | wc -l"))
        except (Failed, OSError, KeyError, ValueError) as failed:
            self.trust = None
            self.table.give_up("publish", "granary", failed)

    def publish_again(self):
        """The same tree after one small file has changed, and after nothing has."""
        changed = os.path.join(self.tree, "etc/motd")
        sizes = []
        try:
            for turn in range(self.options.runs):
                self.table.timed("publish, nothing changed", "granary", self.tools.publish(self.repository, self.tree))
                with open(changed, "a") as out:
                    out.write(f"harvest {turn}\n")
                before = self.public_bytes()
                self.table.add("publish, one file changed", "granary",
                               seconds(self.tools.publish(self.repository, self.tree)))
                sizes.append(self.public_bytes() - before)
            self.facts["new bytes after one changed file"] = sorted(sizes)[len(sizes) // 2]
        except Failed as failed:
            self.table.give_up("publish, one file changed", "granary", failed)

    # --- reading ----------------------------------------------------------------------------------------------

    def read(self):
        """Hot, and after drop_caches: every target mounted at once, rounds over all of them."""
        with contextlib.ExitStack() as stack:
            tops = {}
            for target in self.reading_targets(stack):
                try:
                    tops[target] = stack.enter_context(target.mounted(self.at(f"mnt-{len(tops)}")))
                except Failed as failed:
                    for workload in self.workloads:
                        self.table.give_up(workload, target.name, failed)
            self.warm_up(tops)
            for turn in range(self.options.runs):
                say(f"reading, round {turn + 1} of {self.options.runs}")
                for target, top in tops.items():
                    self.read_once(target.name, top)
            if self.granary in tops:
                self.facts["peak memory of the mount"] = self.granary.peak_memory(tops[self.granary])

    def reading_targets(self, stack):
        yield self.ext4()
        yield targets.Image("squashfs", self.at("squashfs"), "squashfs")
        yield targets.Image("erofs", self.at("erofs"), "erofs")
        yield targets.Image("erofs lz4hc", self.at("erofs.lz4"), "erofs")
        yield targets.Squashfuse(self.at("squashfs"))
        if self.trust:
            url = stack.enter_context(targets.granary_serve(self.tools, self.repository))
            self.granary = targets.Granary(self.tools, url, self.trust, self.at("cache"))
            yield self.granary

    def ext4(self):
        """The tree where it lies, if that is ext4; else an ext4 image."""
        kind = run(["stat", "-f", "-c", "%T", self.tree]).strip()
        self.facts["ext4"] = "the host's own" if kind == "ext2/ext3" else "an image on a loop device"
        if kind == "ext2/ext3":
            return targets.HostTree(self.tree)
        image = self.at("ext4")
        run(["truncate", "-s", str(self.facts["bytes"] * 2 + (1 << 28)), image])
        run(["mkfs.ext4", "-q", "-d", self.tree, image])
        return targets.Image("ext4", image, "ext4")

    def warm_up(self, tops):
        say("filling client caches")
        for target, top in tops.items():
            try:
                run(TAR, cwd=top)
            except Failed as failed:
                self.table.give_up("tar, hot", target.name, failed)

    def read_once(self, name, top):
        for workload, command in self.workloads.items():
            if shutil.which("chroot") is None and command.startswith("chroot"):
                continue
            drop_caches()
            self.table.timed(f"{workload}, after drop_caches", name, command, cwd=top)
            self.table.timed(f"{workload}, hot", name, command, cwd=top)

    # --- cold over loopback -----------------------------------------------------------------------------------

    def cold(self):
        """An empty client cache; the server's files are in the page cache."""
        if not self.trust:
            self.table.give_up("mount, empty cache", "granary", "nothing was published")
            return
        for turn in range(self.options.runs):
            say(f"cold over loopback, round {turn + 1} of {self.options.runs}")
            with targets.granary_serve(self.tools, self.repository) as url:
                self.cold_once("granary serve", url)
            logs = self.at(f"nginx-{turn}")
            with targets.nginx(logs, self.repository) as url:
                self.cold_once("nginx", url)
                self.facts["requests and bytes, cold"] = targets.requests_logged(logs)

    def cold_once(self, server, url):
        mount = targets.Granary(self.tools, url, self.trust, self.at("cold-cache"))
        for workload, command in {"mount": None, **self.workloads}.items():
            mount.empty_cache()
            try:
                with mount_timed(mount, self.at("mnt-cold")) as (top, took):
                    if command:
                        self.table.add(f"{workload}, empty cache", server, seconds(command, cwd=top))
                    else:
                        self.table.add("mount, empty cache", server, took)
            except Failed as failed:
                self.table.give_up(f"{workload}, empty cache", server, failed)


@contextlib.contextmanager
def mount_timed(mount, at):
    os.makedirs(at, exist_ok=True)
    took = seconds(mount.command(at))
    wait_for(lambda: is_mounted(at), "the granary mount")
    try:
        yield at, took
    finally:
        mount.unmount(at)


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kind", choices=["small", "reference"], default="reference")
    parser.add_argument("--work", default=tempfile.gettempdir())
    parser.add_argument("--output", default=os.path.join(ROOT, "docs/benchmarks.md"))
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    return parser.parse_args()


def unmount_leftovers(work):
    for at in sorted(glob.glob(os.path.join(work, "mnt-*"))):
        if is_mounted(at):
            subprocess.run(["umount", "-l", at], check=False)


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was mounted and written is cleared away
    if os.geteuid() != 0:
        sys.exit("bench: mounting and dropping caches need root; run tools/dev bench as root")
    work = tempfile.mkdtemp(prefix="granary-bench.", dir=options.work)
    os.chmod(work, 0o755)
    bench = Bench(options, work)
    machine = report.machine(ROOT)  # before the load that we make ourselves
    try:
        bench.run()
    finally:
        unmount_leftovers(work)
        shutil.rmtree(work, ignore_errors=True)
    report.write(options, machine, bench)
    print(f"wrote {options.output}")


if __name__ == "__main__":
    main()
