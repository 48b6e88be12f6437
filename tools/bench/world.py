"""What the parts of a run share: the options, the working directory, the tree, and the repository it is published in."""
import os
import shutil
import subprocess

import targets
import workloads
from measure import Failed, Table, run, say

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class World:
    def __init__(self, options, work):
        self.options, self.work = options, work
        self.tools = targets.Tools(os.path.abspath(options.bin))
        self.results = {}  # a Table for each part
        self.tree_facts = {}
        self._tree = self._published = self._fingerprint = None

    def at(self, name):
        return os.path.join(self.work, name)

    def rounds(self, what):
        for turn in range(self.options.runs):
            say(f"{what}, round {turn + 1} of {self.options.runs}")
            yield turn

    def table(self, part):
        return self.results.setdefault(part, Table())

    # --- the tree ---------------------------------------------------------------------------------------------

    @property
    def tree(self):
        """A real system, made when it is first asked for."""
        if self._tree is None:
            self._tree = self.at("tree")
            self.make_tree()
        return self._tree

    def make_tree(self):
        say(f"making a {self.options.kind} tree")
        subprocess.run(["bash", os.path.join(ROOT, "tests/support/make-reference-tree.sh"), self.tree,
                        self.options.kind], check=True)
        shutil.rmtree(os.path.join(self.tree, "srv/oddities/names"))  # mkfs.erofs 1.5 fails on a name of 255 bytes
        self.tree_facts["entries"] = int(run("find . | wc -l", cwd=self.tree))
        self.tree_facts["bytes"] = int(run("find . -type f -printf '%s\\n' | awk '{ s += $1 } END { print s }'",
                                           cwd=self.tree))

    def check_target(self, top):
        """Compares every entry and every byte under `top` with the tree; Wrong when they differ."""
        if self._fingerprint is None:
            self._fingerprint = workloads.fingerprint(self.tree)
        workloads.check_fingerprint(self._fingerprint, top)

    def tree_changed(self):
        self._fingerprint = None

    def ext4(self):
        """The tree where it lies, if that is ext4; else an ext4 image."""
        kind = run(["stat", "-f", "-c", "%T", self.tree]).strip()
        self.tree_facts["ext4"] = "the host's own" if kind == "ext2/ext3" else "an image on a loop device"
        if kind == "ext2/ext3":
            return targets.HostTree(self.tree)
        image = self.at("ext4")
        if not os.path.exists(image):
            run(["truncate", "-s", str(self.tree_facts["bytes"] * 2 + (1 << 28)), image])
            run(["mkfs.ext4", "-q", "-d", self.tree, image])
        return targets.Image("ext4", image, "ext4")

    # --- the repository ---------------------------------------------------------------------------------------

    @property
    def repository(self):
        return self.at("repository")

    def publish_anew(self):
        """The tree into an empty repository; gives the seconds."""
        if not self.tools.present():
            raise Failed("granary is not built")
        self._published = None
        for folder in (self.repository, self.at("keys")):
            shutil.rmtree(folder, ignore_errors=True)
        trust = self.tools.init(self.repository, self.at("keys"))
        took = self.tools.publish_seconds(self.repository, self.tree)
        self._published = trust
        return took

    @property
    def trust(self):
        """The trust file of the repository with the tree in it, published when it is first asked for."""
        if self._published is None:
            say("publishing the tree")
            self.publish_anew()
        return self._published

    def warm_server(self):
        """The repository's files into the page cache."""
        run(["bash", "-c", f"find {self.repository} -name .granary -prune -o -type f -print0 | xargs -0 cat | wc -c"])

    def granary(self, url, cache="cache", profile=None):
        return targets.Granary(self.tools, url, self.trust, self.at(cache), profile)
