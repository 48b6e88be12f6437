#!/usr/bin/python3
"""Who may include whom: the picture in docs/architecture.md, checked.

  check_layers.py [ROOT]

  tests ─► everything    tools ─► builder, server, fs    initramfs ─► fs/base
  builder/cook, builder/export, builder/micro ─► builder/closure ─► builder/archive ─► builder/recipe, builder/debian
  builder/cook ─► builder/tree ─► builder/recipe, builder/debian
  builder ─► server ─────┐
  fs/fuse ─► fs/client ──┴─► fs/net ─► fs/store ─► fs/format ─► fs/base

Every quoted include names a file from the top of the checkout, in a layer that the file's own layer may
use. Exit status: 0 all follow the arrows, 1 some do not (each named on a line of its own).
"""
import os
import re
import sys

SHARED = ["fs/base", "fs/format", "fs/store", "fs/net"]
FS = SHARED + ["fs/client", "fs/fuse"]
BUILDER = [f"builder/{name}" for name in ("recipe", "debian", "archive", "closure", "tree", "export", "cook", "micro")]
EVERYTHING = FS + ["server"] + BUILDER + ["initramfs", "tools", "tests"]

# What each layer may include besides itself.
ARROWS = {
    "fs/base": [],
    "fs/format": SHARED[:1],
    "fs/store": SHARED[:2],
    "fs/net": SHARED[:3],
    "fs/client": SHARED,
    "fs/fuse": SHARED + ["fs/client"],
    "server": SHARED,
    "builder/recipe": SHARED,
    "builder/debian": SHARED,
    "builder/archive": SHARED + ["server"] + BUILDER[:2],
    "builder/closure": SHARED + ["server"] + BUILDER[:3],
    "builder/tree": SHARED + ["server"] + BUILDER[:2],
    "builder/export": SHARED + ["server"],
    "builder/cook": SHARED + ["server"] + BUILDER,
    "builder/micro": SHARED + ["server"] + BUILDER[:4],
    "initramfs": ["fs/base"],
    "tools": FS + ["server"] + BUILDER,
    "tests": EVERYTHING,
}

INCLUDE = re.compile(rb'^\s*#\s*include\s*(["<])([^">]+)[">]')
SOURCE = (".h", ".cc", ".c", ".cpp", ".hpp", ".inc")


def layer_of(path):
    """The layer that a path from the top lies in, or None."""
    return next((layer for layer in ARROWS if path.startswith(layer + "/")), None)


def sources(root):
    for top in ["fs", "server", "builder", "initramfs", "tools", "tests"]:
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(SOURCE):
                    yield os.path.relpath(os.path.join(folder, name), root)


def includes(root, path):
    with open(os.path.join(root, path), "rb") as source:
        for number, line in enumerate(source, 1):
            if match := INCLUDE.match(line):
                yield number, match[1] == b'"', os.fsdecode(match[2])


def resolve(root, layer, quoted, name):
    """The included file's path from the top; None for a system header; "" where there is no such file."""
    if os.path.isfile(os.path.join(root, name)) and (quoted or layer_of(name)):
        return os.path.normpath(name)
    if layer == "tests" and os.path.isfile(os.path.join(root, "tests", name)):
        return os.path.join("tests", name)  # a test names its own helpers from tests/
    return "" if quoted else None


def problem(root, path, quoted, name):
    """Why `path` may not include `name`, or None."""
    layer = layer_of(path)
    if layer is None:
        return f"lies in no layer; move it into one of: {', '.join(ARROWS)}"
    target = resolve(root, layer, quoted, name)
    if target is None:
        return None
    if not target:
        return f'includes "{name}", which is no file from the top of the checkout (system headers take <>)'
    below = layer_of(target)
    if below == layer or below in ARROWS[layer]:
        return None
    allowed = ", ".join(ARROWS[layer]) or "nothing else"
    return f'includes "{name}": {layer} may use {allowed}'


def main(args):
    root = args[0] if args else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    bad = 0
    for path in sources(root):
        for number, quoted, name in includes(root, path):
            if why := problem(root, path, quoted, name):
                print(f"{path}:{number}: {why}")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
