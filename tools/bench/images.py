"""The peers' images of the tree: how each is packed, made once for reading."""
import os
from collections import namedtuple

from measure import Failed, run, say

Way = namedtuple("Way", "name command result")


def ways(world):
    """Each is run in the tree's top directory and leaves one file."""
    return [
        Way("tar | zstd -3 -T2", f"tar cf - --warning=no-file-ignored . | zstd -q -f -3 -T2 -o {world.at('tree.zst')}",
            world.at("tree.zst")),
        Way("mksquashfs", f"mksquashfs . {world.at('squashfs')} -comp zstd -b 1M -noappend -quiet -no-progress"
            f" -processors {os.cpu_count()}", world.at("squashfs")),
        Way("mkfs.erofs", f"mkfs.erofs --quiet {world.at('erofs')} .", world.at("erofs")),
        Way("mkfs.erofs -zlz4hc", f"mkfs.erofs --quiet -zlz4hc {world.at('erofs.lz4')} .", world.at("erofs.lz4")),
    ]


def make_anew(world):
    """Of the tree as it is now: a part before may have changed it."""
    say("making the peers' images")
    for way in ways(world)[1:]:
        try:
            if os.path.exists(way.result):
                os.unlink(way.result)
            run(way.command, cwd=world.tree)
        except Failed as failed:
            say(f"{way.name}: {failed}")  # reading will say that there is no image
