"""Virtual machines that start over the emulated link: a first start, and later ones with a warm cache. The micro image's
size.

What is booted is made by tests/boot/fixture.sh: Debian 12 with an ssh server, and the micro image with Debian's kernel.
Each round starts all kinds of machines in turn. The guest says how many seconds it ran until it was complete; how much
of the processor QEMU has used by then is counted, too, because it depends less on what else the machine does."""
import contextlib
import glob
import json
import os
import shutil
import subprocess

import servers
from measure import Failed, run, say
from world import ROOT

NAME = "boot"
BRANCH = "debian12"
PLAIN, PROFILED = "no profile", "profile"
FIRST, SECOND = "first start", "second start"
# Its changes are in memory, its host keys are made again: the second start does what a first one does.
FRESH = "first start, warm cache"
OVER_THE_LINK, PROCESSOR = ", MB over the link", ", processor seconds"
KERNEL, INITRAMFS, TOGETHER = "kernel", "initramfs", "together"
TINY, FAST, DEBIAN = "tiny", "tiny, fast", "debian"
SIZE_AIMS = {TINY: 8.0, FAST: 9.0}


def measure(world):
    table = world.table(NAME)
    table.facts.update(rate=world.options.rate, round_trip=world.options.rtt)
    fixture = make_fixture(world)
    measure_starts(world, table, fixture)
    measure_sizes(world, table, fixture)


def make_fixture(world):
    """Kept beside the programs; what is there is only brought up to date."""
    folder = os.path.join(os.path.dirname(os.path.dirname(world.tools.granary)), "boot-fixture")
    made = subprocess.run([os.path.join(ROOT, "tests/boot/fixture.sh"), "--bin", os.path.dirname(world.tools.granary),
                           folder], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if made.returncode != 0:
        raise Failed((made.stdout + made.stderr).strip().splitlines()[-1])
    return folder


# --- how large the image is -------------------------------------------------------------------------------------------


def kernels():
    """What `granary micro build --kernel` takes, by kernel; of tools/dev kernel the newest that it has made here."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    found = {}
    for kernel, variant in ((TINY, "small"), (FAST, "fast")):
        made = sorted(glob.glob(f"{cache}/granary/micro/kernel-{variant}-*/vmlinuz"), key=os.path.getmtime)
        found[kernel] = made[-1] if made else None
    return {**found, DEBIAN: "debian"}


def measure_sizes(world, table, fixture):
    for kernel, words in kernels().items():
        if words is None:
            table.give_up(TOGETHER, kernel, "tools/dev kernel has not made it")
            continue
        output = world.at("micro")
        try:
            made = json.loads(run([world.tools.granary, "micro", "build", "--no-repo", "--trust", f"boot={fixture}/trust",
                                   "--kernel", words, "--format", "kernel+initrd", "-o", output, "--json"]))
        except Failed as failed:
            table.give_up(TOGETHER, kernel, failed)
            continue
        shutil.rmtree(output)
        table.add(KERNEL, kernel, made["kernel_bytes"] / 1e6)
        for part in made["parts"]:
            table.add(part["name"], kernel, part["packed_bytes"] / 1e6)
        table.add(INITRAMFS, kernel, made["initramfs_bytes"] / 1e6)
        table.add(TOGETHER, kernel, (made["kernel_bytes"] + made["initramfs_bytes"]) / 1e6)


# --- starts -----------------------------------------------------------------------------------------------------------


def measure_starts(world, table, fixture):
    repository = world.at("os")
    run(["cp", "-a", os.path.join(fixture, "os"), repository])
    with servers.granary_serve(world.tools, repository) as url:
        try:
            record_profile(world, fixture, repository, url)
        except Failed as failed:
            table.give_up(FIRST, PROFILED, failed)
            return
        for _ in world.rounds("booting over the link"):
            with servers.link(world.tools, url, world.options.rate, world.options.rtt) as link:
                start_all(world, table, fixture, link)


def start_all(world, table, fixture, link):
    """Each kind on a machine with a disk of its own."""
    try:
        with Machine(world, fixture, link.url, []) as machine:
            add_start(table, FIRST, PROFILED, machine, link)
            machine.stop()
            add_start(table, SECOND, PROFILED, machine, link)
        with Machine(world, fixture, link.url, ["--set", "persistent=no"]) as machine:
            machine.start()
            machine.inside("systemctl stop granary-other-host-keys; rm -r /run/initramfs/scratch/state/ssh")
            machine.stop()
            add_start(table, FRESH, PROFILED, machine, link)
        with Machine(world, fixture, link.url, ["--set", "profile="]) as machine:
            add_start(table, FIRST, PLAIN, machine, link)
    except Failed as failed:
        table.give_up(FIRST, PROFILED, failed)


def add_start(table, kind, profile, machine, link):
    before = link.carried()["down_bytes"]
    seconds = machine.start()
    table.add(kind + PROCESSOR, profile, machine.processor_seconds())
    table.add(kind, profile, seconds)
    table.add(kind + OVER_THE_LINK, profile, (link.carried()["down_bytes"] - before) / 1e6)


def record_profile(world, fixture, repository, url):
    """What a start touches, recorded by one and attached to the snapshot as "boot"."""
    say("recording a profile of the boot")
    trace = world.at("boot.trace")
    with Machine(world, fixture, url, ["--set", "record=yes"]) as machine:
        machine.start()
        with open(trace, "w") as out:
            out.write(machine.inside("cat /run/granary-boot/boot.trace"))
    run([world.tools.granary, "profile", "attach", repository, BRANCH, trace, "--name", "boot"])


class Machine(contextlib.AbstractContextManager):
    """One that stays for as long as the block lasts, with an empty disk."""

    def __init__(self, world, fixture, url, words):
        self.granary = world.tools.granary
        self.environment = {**os.environ, "XDG_STATE_HOME": world.at("machines")}
        self.first_words = ["--repo", url, "--branch", BRANCH, "--image", os.path.join(fixture, "micro"),
                            "--set", "trust=boot", "--ssh-port", "0", *words]

    def boot(self, *words):
        return run([self.granary, "boot", "--vm", "bench", *words], env=self.environment)

    def start(self):
        """Until it is complete; gives the guest's own seconds."""
        words, self.first_words = self.first_words, []
        return json.loads(self.boot(*words, "--until-complete", "--timeout", "20m", "--quiet", "--json"))["guest_seconds"]

    def processor_seconds(self):
        """What QEMU has used so far."""
        qemu = json.loads(self.boot("list", "--json"))[0]["qemu_pid"]
        with open(f"/proc/{qemu}/stat") as status:
            fields = status.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def inside(self, command):
        return self.boot("ssh", "--", command)

    def stop(self):
        self.boot("stop")

    def __exit__(self, *_):
        with contextlib.suppress(Failed):
            self.boot("stop")
        with contextlib.suppress(Failed):
            self.boot("remove")
