"""What goes wrong, at random: each event happens to the world, and leaves it fit for the next one."""
import contextlib
import glob
import os
import random
import signal
import subprocess
import time

from measure import Failed, drop_caches, wait_for  # tools/bench
from mirrors import FAULTS

DEADLY = [signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]


class Chaos:
    """`world` has mounts, honest, liar, author, cache, publish(); one thread."""

    def __init__(self, world, seed, report):
        self.world, self.random, self.report = world, random.Random(f"{seed}/chaos"), report
        often = [self.worker_dies] * 5 + [self.kernel_forgets] * 4 + [self.published, self.upgraded, self.liar_lies, self.cache_damaged] * 2
        self.events = often + [self.worker_dies_often, self.upgrade_dies, self.everybody_dies, self.unmounted,
                               self.remount_asked, self.honest_freezes, self.honest_dies, self.all_out,
                               self.cache_cleaned, self.cache_verified, self.questions]

    def one(self):
        event = self.random.choice(self.events)
        try:
            event()
            for mount in self.world.mounts:
                mount.look()
        except Failed as failed:
            self.report.fail(f"{event.__name__}: {failed}")

    def _mount(self):
        return self.random.choice(self.world.mounts)

    def _a_while(self, least, most):
        time.sleep(self.random.uniform(least, most))

    # --- processes ----------------------------------------------------------------------------------------------

    def worker_dies(self):
        """No excuse: readers shall not notice."""
        mount, how = self._mount(), self.random.choice(DEADLY)
        self.report.fault(f"worker of {mount.name} gets {how.name}")
        pid = mount.kill("worker_pid", how)
        wait_for(lambda: mount.stat()["worker_pid"] != pid, "a new worker", 30)

    def worker_dies_often(self):
        mount = self._mount()
        self.report.fault(f"worker of {mount.name} dies three times at once")
        for _ in range(3):
            pid = mount.kill("worker_pid")
            wait_for(lambda: mount.stat()["worker_pid"] != pid, "a new worker", 30)

    def everybody_dies(self):
        mount = self._mount()
        self.report.fault(f"worker and supervisor of {mount.name} are killed; mounted again over the dead mount")
        with mount.excused("all processes killed"):
            state = mount.stat()
            os.kill(state["supervisor_pid"], signal.SIGSTOP)  # it shall not start another worker
            os.kill(state["worker_pid"], signal.SIGKILL)
            os.kill(state["supervisor_pid"], signal.SIGKILL)
            self._a_while(0, 1)
            mount.mount()

    def unmounted(self):
        mount = self._mount()
        self.report.fault(f"{mount.name} is unmounted and mounted")
        with mount.excused("unmounted"):
            mount.unmount()
            mount.mount()

    def upgraded(self):
        mount = self._mount()
        self.report.fault(f"the program of {mount.name} is swapped")
        mount.command("upgrade", mount.at)

    def upgrade_dies(self):
        """Whichever worker is killed, at whatever moment: somebody goes on."""
        mount = self._mount()
        self.report.fault(f"workers of {mount.name} are killed while its program is swapped")
        supervisor = mount.stat()["supervisor_pid"]
        upgrade = subprocess.Popen([mount.granary, "upgrade", mount.at], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(3):
            self._a_while(0, 0.2)
            with open(f"/proc/{supervisor}/task/{supervisor}/children", encoding="ascii") as children:
                workers = children.read().split()
            with contextlib.suppress(IndexError, ProcessLookupError):
                os.kill(int(self.random.choice(workers)), signal.SIGKILL)
        wait_for(lambda: upgrade.poll() is not None, "an upgrade to end", 90)
        wait_for(lambda: mount.stat()["worker_pid"] is not None, "a worker", 30)

    # --- snapshots ----------------------------------------------------------------------------------------------

    def published(self):
        self.report.fault("a new version is published")
        self.world.publish()

    def remount_asked(self):
        mount = self.world.following
        self.report.fault(f"{mount.name} is told to look for a new head")
        mount.command("remount", mount.at)

    # --- servers ------------------------------------------------------------------------------------------------

    def honest_freezes(self):
        self.report.fault("a mirror stands still")
        self.world.honest.freeze()
        self._a_while(1, 12)
        self.world.honest.thaw()

    def honest_dies(self):
        self.report.fault("a mirror dies, and comes back")
        self.world.honest.end()
        self._a_while(1, 12)
        self.world.honest.begin()

    def liar_lies(self):
        fault = self.random.choice(FAULTS)
        self.report.fault(f"a mirror gives answers that are {fault}")
        self.world.liar.lie(fault, one_in=self.random.choice([1, 2, 5]))
        self._a_while(2, 10)
        self.world.liar.lie(None)

    def all_out(self):
        """What is in the cache goes on; everything else may fail."""
        self.report.fault("no mirror answers")
        for mount in self.world.mounts:
            self.world.stack.enter_context(mount.excused("no mirror answered"))
        self.world.honest.end()
        self.world.liar.lie("reset")
        self._a_while(1, 8)
        self.world.honest.begin()
        self.world.liar.lie(None)
        self.world.stack.close()

    # --- cache and kernel ---------------------------------------------------------------------------------------

    def _cached(self):
        return glob.glob(os.path.join(self.world.cache, "objects/*/*"))

    def cache_damaged(self):
        """Objects are flipped, cut off and removed behind the mounts' backs. Those that a worker has verified and holds
        open are only met by the next one, so the workers are killed, too."""
        objects = self._cached()
        chosen = self.random.sample(objects, min(8, len(objects)))
        self.report.fault(f"{len(chosen)} cached objects are damaged, and their readers killed")
        workers = [(mount, mount.stat()["worker_pid"]) for mount in self.world.mounts]
        for _, pid in workers:
            os.kill(pid, signal.SIGSTOP)
        for path in chosen:
            self._damage(path)
        for mount, pid in workers:
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: mount.stat()["worker_pid"] != pid, "a new worker", 30)

    def _damage(self, path):
        try:
            size = os.path.getsize(path)
            how = self.random.choice(["flip", "cut", "remove"])
            if how == "remove":
                os.unlink(path)
            elif how == "cut":
                os.truncate(path, size // 2)
            elif size > 0:
                with open(path, "r+b") as file:
                    file.seek(self.random.randrange(size))
                    file.write(b"!")
        except FileNotFoundError:
            pass  # evicted meanwhile

    def cache_cleaned(self):
        self.report.fault("the cache is cleaned")
        try:
            self.world.mounts[0].command("cache", "clean", "--to", "8M", self.world.cache)
        except Failed as failed:
            if "status 10" not in str(failed):  # readers fill it as fast
                raise

    def cache_verified(self):
        self.report.fault("the cache is verified")
        self.world.mounts[0].command("cache", "verify", self.world.cache)

    def kernel_forgets(self):
        self.report.fault("the kernel drops its caches")
        drop_caches()

    def questions(self):
        self.report.fault("the operator asks")
        mount = self._mount()
        mount.command("stat", mount.at)
        mount.command("metrics", mount.at)
        mount.command("probe", mount.at)
