"""Readers: threads that read a mount in every way and compare each byte with the truth.

A following mount may show any version from the last that it was known to show up to the newest; but one file is always
of one version, and an open file stays what it was.
"""
import ctypes
import errno
import mmap
import os
import random
import threading
import time

MADV_POPULATE_READ = 22  # Linux 5.14
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
MAX_HELD = 12
MOST_REST = 0.01  # seconds between two operations


class Wrong(Exception):
    """The mount shows what was never published."""


def mapped_bytes(descriptor):
    """A file through a mapping. A page that cannot be had is an error here, not a signal: all are asked for at once."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return b""
    address = LIBC.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "mmap")
    try:
        if LIBC.madvise(address, size, MADV_POPULATE_READ) != 0:
            raise OSError(errno.EIO, "a mapped page could not be had")
        return ctypes.string_at(address, size)
    finally:
        LIBC.munmap(address, size)


class Reader(threading.Thread):
    def __init__(self, number, mounts, author, seed, report):
        super().__init__(daemon=True, name=f"reader {number}")
        self.mounts, self.author, self.report = mounts, author, report
        self.random = random.Random(f"{seed}/{number}")
        self.held = []  # (mount, generation, descriptor, entries it may be, path)
        self.doing, self.since = "", 0.0
        self.stopping = False

    def run(self):
        ways = [self.whole] * 5 + [self.pieces] * 5 + [self.listing] * 3 + [self.attributes] * 4 + \
            [self.nothing, self.hold, self.hold, self.held_one, self.held_one, self.mapped]
        while not self.stopping:
            mount = self.random.choice(self.mounts)
            self.once(mount, self.random.choice(ways))
            time.sleep(self.random.uniform(0, MOST_REST))
        for _, _, descriptor, _, _ in self.held:
            os.close(descriptor)

    def once(self, mount, way):
        oldest, began = mount.oldest, time.monotonic()
        self.since, self.doing = began, f"{way.__name__} of {mount.name}"
        try:
            way(mount, oldest)
            self.report.count(way.__name__)
        except OSError as error:
            why = mount.excuse_for(began, time.monotonic())
            if why is None:
                self.report.fail(f"{self.doing}: {error}")
            self.report.count(f"failed while {why}")
            time.sleep(0.2)
        except Wrong as wrong:
            self.report.fail(f"{self.doing}: {wrong}")
        self.since = 0.0

    # --- ways to read -------------------------------------------------------------------------------------------

    def whole(self, mount, oldest):
        path = self._path(mount, oldest)
        self._about(path)
        data = self._open(mount, oldest, path, lambda descriptor: self._read_all(descriptor))
        if data is not None:
            self._is_one_of(data, 0, self._entries(mount, oldest, path), path)

    def pieces(self, mount, oldest):
        path = self._path(mount, oldest)
        self._about(path)
        pieces = self._open(mount, oldest, path, self._read_pieces)
        if pieces is not None:
            self._is_one(pieces, self._entries(mount, oldest, path), path)

    def listing(self, mount, oldest):
        versions = mount.versions(self.author, oldest)
        directory = self.random.choice(sorted(versions[0].names))
        self._about(directory)
        try:
            found = set(os.listdir(os.path.join(mount.at, directory)))
        except FileNotFoundError:
            if all(directory in version.names for version in mount.versions(self.author, oldest)):
                raise
            return
        possible = [version.names.get(directory, set()) for version in mount.versions(self.author, oldest)]
        if not found and not directory:
            raise FileNotFoundError(errno.ENOENT, "nothing is mounted there")
        strange, missing = found - set.union(*possible), set.intersection(*possible) - found
        if strange or missing:
            raise Wrong(f"{directory}: never had {sorted(strange)[:3]}, always had {sorted(missing)[:3]}")

    def attributes(self, mount, oldest):
        path = self._path(mount, oldest)
        self._about(path)
        full = os.path.join(mount.at, path)
        try:
            info = os.lstat(full)
            target = os.readlink(full) if os.path.islink(full) else ""
        except (FileNotFoundError, OSError) as error:
            return self._forgive_absence(error, mount, oldest, path)
        for entry in self._entries(mount, oldest, path):
            if entry.kind == "link" and (target == entry.target or target == ""):
                return
            if entry.kind == "file" and (info.st_size, int(info.st_mtime)) == (entry.size, entry.mtime):
                return
        raise Wrong(f"{path}: size {info.st_size}, mtime {info.st_mtime}, target {target!r} were never published")

    def nothing(self, mount, _):
        name = f"no-such-name-{self.random.randrange(50)}"
        self._about(name)
        try:
            os.lstat(os.path.join(mount.at, name))
        except FileNotFoundError:
            return
        raise Wrong(f"{name}: exists")

    def hold(self, mount, oldest):
        """Keeps a file open, to be read again much later."""
        path = self._path(mount, oldest)
        self._about(path)
        if len(self.held) >= MAX_HELD:
            os.close(self.held.pop(0)[2])
        generation = mount.generation
        descriptor = self._open(mount, oldest, path, os.dup)
        if descriptor is not None:
            self.held.append((mount, generation, descriptor, self._entries(mount, oldest, path), path))

    def held_one(self, *_):
        if not self.held:
            return
        mount, generation, descriptor, entries, path = self.held.pop(self.random.randrange(len(self.held)))
        self.doing = f"held file of {mount.name}"
        self._about(path)
        began = time.monotonic()
        try:
            self._is_one_of(self._read_all(descriptor), 0, entries, path)
        except OSError as error:
            if generation == mount.generation and mount.excuse_for(began, time.monotonic()) is None:
                self.report.fail(f"{self.doing}: {error}")
        finally:
            os.close(descriptor)

    def mapped(self, mount, oldest):
        path = self._path(mount, oldest)
        self._about(path)
        data = self._open(mount, oldest, path, mapped_bytes)
        if data is not None:
            self._is_one_of(data, 0, self._entries(mount, oldest, path), path)

    # --- how ----------------------------------------------------------------------------------------------------

    def _about(self, path):
        self.doing += f": {path}"

    def _path(self, mount, oldest):
        return self.random.choice(list(self.random.choice(mount.versions(self.author, oldest)).entries))

    def _entries(self, mount, oldest, path):
        versions = mount.versions(self.author, oldest)
        return [version.entries[path] for version in versions if path in version.entries]

    def _forgive_absence(self, error, mount, oldest, path):
        absent = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
        if not absent or all(path in version.entries for version in mount.versions(self.author, oldest)):
            raise error

    def _open(self, mount, oldest, path, use):
        """What `use` makes of the open file; None when a version has no such file."""
        try:
            descriptor = os.open(os.path.join(mount.at, path), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as error:
            entries = self._entries(mount, oldest, path)
            if error.errno == errno.ELOOP and any(entry.kind == "link" for entry in entries):
                return None
            return self._forgive_absence(error, mount, oldest, path)
        try:
            return use(descriptor)
        finally:
            os.close(descriptor)

    def _read_all(self, descriptor):
        size_bytes = 1 << self.random.randint(12, 20)
        parts, at = [], 0
        while part := os.pread(descriptor, size_bytes, at):
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def _read_pieces(self, descriptor):
        size = os.fstat(descriptor).st_size
        out = []
        for _ in range(self.random.randint(1, 6)):
            at = self.random.randint(0, size)
            out.append((at, os.pread(descriptor, self.random.randint(1, 1 << 18), at)))
        return out

    def _is_one_of(self, data, at, entries, path):
        self._is_one([(at, data)], entries, path, len(data))

    def _is_one(self, pieces, entries, path, size=None):
        """All pieces are of one and the same version of the file."""
        for entry in entries:
            if entry.kind != "file" or (size is not None and size != entry.size):
                continue
            truth = entry.content()
            if all(truth[at:at + len(data)] == data for at, data in pieces):
                self.report.compared(sum(len(data) for _, data in pieces))
                return
        raise Wrong(f"{path}: bytes at {[at for at, _ in pieces]} are of none of {len(entries)} versions")
