"""A mount under test: how it is made, what it may show at a moment, and when an error is to be expected."""
import contextlib
import json
import os
import signal
import subprocess
import threading
import time

from measure import Failed, is_mounted, wait_for  # tools/bench

FOREVER = float("inf")
SETTLED = 10  # seconds after which a switch of snapshots has reached the kernel's caches
GRACE = 20  # seconds after a fault has ended in which reads that waited for it may still fail


class Mounted:
    """`numbers` maps snapshot ids to version numbers, and is shared. A pinned mount shows one version for ever."""

    def __init__(self, granary, name, work, options, numbers, pinned=None):
        self.granary, self.name, self.options, self.numbers = granary, name, options, numbers
        self.at = os.path.join(work, "mnt-" + name)
        self.pinned = pinned
        self.oldest = 0  # no reader may see anything older
        self.seen = []  # (moment, version): what it said it shows
        self.generation = 0  # of the mount itself: descriptors of an older one are dead
        self.lock = threading.Lock()
        self.excuses = []
        os.makedirs(self.at)

    # --- what the operator does ---------------------------------------------------------------------------------

    def command(self, *words, timeout=60):
        """Runs `granary WORDS`; gives what it said, or Failed."""
        try:
            done = subprocess.run([self.granary, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"granary {' '.join(words)}: no end after {timeout} s")
        if done.returncode != 0:
            raise Failed(f"granary {' '.join(words)}: status {done.returncode}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def mount(self):
        self.command("mount", *self.options, self.at)
        with self.lock:
            self.generation += 1

    def unmount(self):
        """Away, also when readers hold on to it."""
        with self.excused("unmounted"):
            if is_mounted(self.at):
                self.command("umount", "--lazy", self.at)
            wait_for(lambda: not is_mounted(self.at), f"{self.at} to vanish")

    def stat(self):
        return json.loads(self.command("stat", "--json", self.at))

    def look(self):
        """Learns which version is shown. Nothing older may be, once the kernel has had a while to be told."""
        number = self.numbers.get(self.stat()["snapshot"])
        now = time.monotonic()
        if number is not None:
            self.seen.append((now, number))
        settled = [version for moment, version in self.seen if now - moment > SETTLED]
        self.oldest = max([self.oldest, *settled])
        self.seen = self.seen[-20:]
        return number

    def kill(self, what, signal_number=signal.SIGKILL):
        """`what`: worker_pid or supervisor_pid. Gives the number of the process."""
        pid = self.stat()[what]
        os.kill(pid, signal_number)
        return pid

    # --- what readers may meet ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def excused(self, why):
        """Errors are no surprise while the block lasts, and for a while after."""
        excuse = [time.monotonic(), FOREVER, why]
        with self.lock:
            self.excuses.append(excuse)
        try:
            yield
        finally:
            excuse[1] = time.monotonic() + GRACE

    def excuse_for(self, began, ended):
        """Why an operation between these moments may have failed; None: nothing was the matter."""
        with self.lock:
            for since, until, why in self.excuses:
                if since <= ended and began <= until:
                    return why
        return None

    def versions(self, author, oldest):
        """The versions of which any may be what is shown now, when nothing before `oldest` can be."""
        if self.pinned is not None:
            return [self.pinned]
        return author.versions[oldest:]
