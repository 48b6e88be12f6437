"""Running and timing: commands, the page cache, medians, and what a part of the benchmark has found."""
import os
import statistics
import subprocess
import sys
import time


class Failed(Exception):
    """A command that failed, or something this machine cannot do; its text goes into the report."""


class Wrong(Failed):
    """A target gave other bytes than the tree has. Whatever its times are, they count for nothing."""


def say(text):
    print(f"   {text}", file=sys.stderr, flush=True)


def run(command, **options):
    """Runs a list or a shell line to its end; gives its output."""
    shell = isinstance(command, str)
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command] if shell else command,
                          stdin=subprocess.DEVNULL, capture_output=True, **options)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        words = [word.strip() for word in words if "dmesg" not in word]
        program = command.split()[0] if shell else " ".join([os.path.basename(command[0]), *command[1:2]])
        raise Failed(f"{program}: {words[-1] if words else f'exit status {done.returncode}'}")
    return done.stdout.decode(errors="replace")


def seconds(command, **options):
    began = time.monotonic()
    run(command, **options)
    return time.monotonic() - began


def drop_caches():
    """Empties the kernel's page, entry and inode caches."""
    run(["sync"])
    try:
        with open("/proc/sys/vm/drop_caches", "w") as knob:
            knob.write("3\n")
    except OSError as error:
        raise Failed(f"cannot drop the kernel's caches: {error.strerror}")


def median(values):
    return statistics.median(values) if values else None


def ratio(mine, theirs):
    """None when either was not measured."""
    return mine / theirs if mine is not None and theirs else None


class Table:
    """What one part has found: every single run by (workload, target), why something could not be measured, and facts
    by name (sizes, counts)."""

    def __init__(self):
        self.runs, self.reasons, self.facts, self.wrong = {}, {}, {}, []

    def add(self, workload, target, value):
        self.runs.setdefault((workload, target), []).append(value)

    def give_up(self, workload, target, reason):
        self.reasons[workload, target] = str(reason)
        say(f"{workload}, {target}: {reason}")
        if isinstance(reason, Wrong):
            self.wrong.append(f"{workload}, {target}: {reason}")

    def median(self, workload, target):
        """None when it was not measured, or when any of its runs gave wrong bytes."""
        if any(text.startswith(f"{workload}, {target}: ") for text in self.wrong):
            return None
        return median(self.runs.get((workload, target), []))

    def ratio(self, workload, target, peer):
        return ratio(self.median(workload, target), self.median(workload, peer))

    def timed(self, workload, target, command, **options):
        """Adds one run of `command`."""
        try:
            self.add(workload, target, seconds(command, **options))
        except Failed as failed:
            self.give_up(workload, target, failed)

    def to_json(self):
        return {"runs": [[*key, values] for key, values in self.runs.items()],
                "reasons": [[*key, reason] for key, reason in self.reasons.items()],
                "facts": self.facts, "wrong": self.wrong}


def wait_for(condition, what, limit=20):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"waited {limit} s in vain for {what}")
        time.sleep(0.02)


def is_mounted(path):
    path = os.path.realpath(path)
    with open("/proc/self/mountinfo") as table:
        return any(line.split()[4] == path for line in table)
