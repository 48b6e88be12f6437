"""What is measured: the same tree on ext4, kernel squashfs, erofs, squashfuse, and a granary mount.

Each target knows how to come up at a path and go away again; one that this machine cannot have raises Failed.
"""
import contextlib
import json
import os
import shutil
import subprocess
import time

from measure import Failed, is_mounted, run, seconds, wait_for


class Target:
    name = ""

    def mount(self, at):
        raise NotImplementedError

    def unmount(self, at):
        run(["umount", at])

    @contextlib.contextmanager
    def mounted(self, at):
        """Gives the path of the tree's top."""
        os.makedirs(at, exist_ok=True)
        self.mount(at)
        try:
            yield at
        finally:
            if is_mounted(at):
                self.unmount(at)


class HostTree(Target):
    """The tree as it lies on this host's own ext4."""

    name = "ext4"

    def __init__(self, tree):
        self.tree = tree

    @contextlib.contextmanager
    def mounted(self, at):
        yield self.tree


class Image(Target):
    """A filesystem image mounted by the kernel through a loop device."""

    def __init__(self, name, image, kind):
        self.name, self.image, self.kind = name, image, kind

    def mount(self, at):
        if not os.path.exists(self.image):
            raise Failed("no image (see publishing)")
        with open("/proc/filesystems") as table:
            if self.kind not in table.read().split():
                subprocess.run(["modprobe", self.kind], capture_output=True)
        run(["mount", "-t", self.kind, "-o", "loop,ro", self.image, at])


class Squashfuse(Target):
    """The squashfs image mounted by squashfuse's low-level, multi-purpose program."""

    name = "squashfuse"

    def __init__(self, image):
        self.image = image

    def mount(self, at):
        program = shutil.which("squashfuse_ll") or shutil.which("squashfuse")
        if not program:
            raise Failed("squashfuse is not installed")
        run([program, self.image, at])
        wait_for(lambda: is_mounted(at), "squashfuse")


class Granary(Target):
    """A granary mount of a published tree."""

    name = "granary"

    def __init__(self, tools, url, trust, cache, profile=None):
        self.tools, self.url, self.trust, self.cache, self.profile = tools, url, trust, cache, profile

    def command(self, at):
        profile = ["--profile", self.profile] if self.profile else []
        return [self.tools.granary, "mount", self.url, at, "--trust", self.trust, "--cache", self.cache,
                "--state", self.cache + ".state", *profile]

    def mount(self, at):
        run(self.command(at))
        wait_for(lambda: is_mounted(at), "the granary mount")

    def unmount(self, at):
        run([self.tools.granary, "umount", at])
        wait_for(lambda: not is_mounted(at), "granary umount")

    def forget(self):
        """The next mount is that of a machine that has never seen the repository."""
        for folder in (self.cache, self.cache + ".state"):
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def mount_timed(self, at):
        """Gives the path of the tree's top, and the seconds until the mount answered."""
        os.makedirs(at, exist_ok=True)
        began = time.monotonic()
        self.mount(at)
        took = time.monotonic() - began
        try:
            yield at, took
        finally:
            if is_mounted(at):
                self.unmount(at)

    def worker(self, at):
        """The number of the process behind the mount."""
        return json.loads(run([self.tools.granary, "stat", at, "--json"]))["worker_pid"]

    def peak_memory(self, at):
        """The mount program's high-water mark in bytes, or None."""
        try:
            with open(f"/proc/{self.worker(at)}/status") as status:
                line = next(line for line in status if line.startswith("VmHWM:"))
            return int(line.split()[1]) * 1024
        except (Failed, OSError, KeyError, ValueError, StopIteration):
            return None

    def processor_seconds(self, at):
        """What the mount program has used of the processor so far."""
        with open(f"/proc/{self.worker(at)}/stat") as status:
            fields = status.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Tools:
    """The built programs."""

    def __init__(self, folder):
        self.granary = os.path.join(folder, "granary")
        self.link = os.path.join(folder, "emulated-link")

    def present(self):
        return os.access(self.granary, os.X_OK)

    def init(self, repository, keys):
        """A new repository; gives its trust file's path."""
        trust = repository + ".trust"
        answer = json.loads(run([self.granary, "init", repository, "--name", "bench.example.org", "--keys", keys,
                                 "--json"]))
        if os.path.exists(answer.get("trust_file", "")):
            shutil.copy(answer["trust_file"], trust)
        else:
            with open(trust, "w") as out:
                json.dump(answer["trust"], out)
        return trust

    def publish(self, repository, tree, *options):
        return [self.granary, "publish", repository, tree, "--json", *options]

    def publish_seconds(self, repository, tree, *options):
        return seconds(self.publish(repository, tree, *options))

    def has(self, *command):
        """Whether this granary knows the command."""
        return subprocess.run([self.granary, *command, "--help"], capture_output=True).returncode == 0


def public_bytes(repository):
    """What readers can see of a repository; the publisher's own index comes and goes."""
    return int(run(["du", "-sb", "--exclude=.granary", repository]).split()[0])
