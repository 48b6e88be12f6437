"""What the mounts must show: every version ever published, as a table of paths, with contents made again from a seed.

Nothing is kept but the tables: a file's bytes follow from (seed, size), so any byte read can be compared at any time.
"""
import functools
import os
import random
import shutil

FIRST_DAY = 1_600_000_000


class Entry:
    """A file or symbolic link of one version; never altered, so that versions share them."""

    def __init__(self, kind, mtime, seed=0, size=0, mode=0o644, target=""):
        self.kind, self.mtime, self.seed, self.size, self.mode, self.target = kind, mtime, seed, size, mode, target

    def content(self):
        return content(self.seed, self.size)


@functools.lru_cache(maxsize=48)
def content(seed, size):
    """Half of it compresses."""
    noise = random.Random(seed)
    half = noise.randbytes(size // 2)
    return half + (noise.randbytes(37) * (size // 37 + 1))[:size - len(half)]


class Version:
    """One published state: entries by path, and the names in each directory. Never altered."""

    def __init__(self, number, entries):
        self.number, self.entries = number, entries
        self.names = {"": set()}
        for path in entries:
            while path:
                directory, _, name = path.rpartition("/")
                if directory in self.names and name in self.names[directory]:
                    break
                self.names.setdefault(directory, set()).add(name)
                path = directory


class Author:
    """Makes version after version, and keeps the tree on disk that is published."""

    def __init__(self, tree, files, seed):
        self.tree, self.random, self.next_seed = tree, random.Random(seed), 1
        self.versions = [Version(0, {self._new_path(i, files): self._new_entry() for i in range(files)})]
        for path, entry in self.newest.entries.items():
            self._write(path, entry)

    @property
    def newest(self):
        return self.versions[-1]

    def advance(self):
        """The next version, in the tree: some three of a hundred entries changed, removed, moved or new."""
        entries = dict(self.newest.entries)
        for _ in range(max(4, len(entries) // 30)):
            self.random.choice([self._change, self._change, self._touch, self._remove, self._add, self._move])(entries)
        version = Version(self.newest.number + 1, entries)
        self._settle(self.newest, version)
        self.versions.append(version)
        return version

    # --- one change of a table ----------------------------------------------------------------------------------

    def _change(self, entries):
        entries[self.random.choice(list(entries))] = self._new_entry()

    def _touch(self, entries):
        """Metadata alone: the same bytes under the same number."""
        path = self.random.choice(list(entries))
        old = entries[path]
        entries[path] = Entry(old.kind, old.mtime + 1, old.seed, old.size, old.mode ^ 0o011, old.target)

    def _remove(self, entries):
        if len(entries) > 16:
            del entries[self.random.choice(list(entries))]

    def _add(self, entries):
        entries[self._new_path(self.next_seed, len(entries))] = self._new_entry()

    def _move(self, entries):
        path = self.random.choice(list(entries))
        entries[self._new_path(self.next_seed, len(entries))] = entries.pop(path)

    def _new_path(self, number, files):
        directory = self.random.randrange(max(2, files // 24))
        return f"d{directory % 7}/e{directory}/{'f' if number % 5 else 'g' * 60}{number}"

    def _new_entry(self):
        self.next_seed += 1
        mtime = FIRST_DAY + self.next_seed
        if self.random.random() < 0.05:
            return Entry("link", mtime, target=f"../elsewhere/{self.next_seed}")
        return Entry("file", mtime, self.next_seed, self._new_size())

    def _new_size(self):
        dice = self.random.random()
        for share, least, most in [(0.70, 0, 16 << 10), (0.90, 16 << 10, 256 << 10), (0.99, 256 << 10, 2 << 20)]:
            if dice < share:
                return self.random.randint(least, most)
        return self.random.randint(4 << 20, 12 << 20)

    # --- the tree on disk ---------------------------------------------------------------------------------------

    def _settle(self, before, after):
        for path, entry in before.entries.items():
            if after.entries.get(path) is not entry:
                os.unlink(os.path.join(self.tree, path))
        for directory in sorted(set(before.names) - set(after.names), reverse=True):
            shutil.rmtree(os.path.join(self.tree, directory), ignore_errors=True)
        for path, entry in after.entries.items():
            if before.entries.get(path) is not entry:
                self._write(path, entry)

    def _write(self, path, entry):
        full = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if entry.kind == "link":
            os.symlink(entry.target, full)
        else:
            with open(full, "wb") as out:
                out.write(entry.content())
            os.chmod(full, entry.mode)
        os.utime(full, (entry.mtime, entry.mtime), follow_symlinks=False)
