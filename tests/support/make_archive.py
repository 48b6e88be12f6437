#!/usr/bin/python3
"""Makes a directory of packages an apt archive, signed: dists/SUITE beside pool/.

  make_archive.py DIR --suite SUITE [--component main] [--architecture amd64] [--origin Debian] [--date SECONDS]
                  [--valid-until SECONDS] --gnupg HOME

DIR/pool holds the .debs. What is there already of dists/SUITE is replaced; by-hash copies of older indices stay, as in
the archive that people use. Same packages, same dates: same bytes (but for the signature).
"""
import argparse
import email.utils
import gzip
import hashlib
import json
import lzma
import os
import subprocess


def control_of(path, cache):
    """The control stanza of a package; known ones are not unpacked again."""
    with open(path, "rb") as file:
        data = file.read()
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 not in cache:
        cache[sha256] = subprocess.run(["dpkg-deb", "-f", path], check=True, capture_output=True, text=True).stdout
    return cache[sha256].rstrip("\n"), len(data), hashlib.md5(data).hexdigest(), sha256


def packages_text(top, suite_architecture):
    stanzas = []
    cache_path = os.path.join(top, ".controls.json")
    cache = json.load(open(cache_path)) if os.path.exists(cache_path) else {}
    for folder, folders, files in os.walk(os.path.join(top, "pool")):
        folders.sort()
        for name in sorted(files):
            if not name.endswith(".deb"):
                continue
            path = os.path.join(folder, name)
            control, size, md5, sha256 = control_of(path, cache)
            fields = dict(line.split(": ", 1) for line in control.split("\n") if ": " in line and line[0] != " ")
            if fields["Architecture"] not in ("all", suite_architecture):
                continue
            stanzas.append((fields["Package"], fields["Version"],
                            f"{control}\nFilename: {os.path.relpath(path, top)}\nSize: {size}\n"
                            f"MD5sum: {md5}\nSHA256: {sha256}\n"))
    with open(cache_path, "w") as file:
        json.dump(cache, file)
    return "\n".join(text for name, version, text in sorted(stanzas))


def date_text(seconds):
    return email.utils.formatdate(seconds, usegmt=True).replace("GMT", "UTC")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dir")
    parser.add_argument("--suite", required=True)
    parser.add_argument("--component", default="main")
    parser.add_argument("--architecture", default="amd64")
    parser.add_argument("--origin", default="Debian")
    parser.add_argument("--date", type=int, default=1767225600)  # 2026-01-01
    parser.add_argument("--valid-until", type=int)
    parser.add_argument("--gnupg", required=True)
    options = parser.parse_args()

    dists = os.path.join(options.dir, "dists", options.suite)
    binary = f"{options.component}/binary-{options.architecture}"
    by_hash = os.path.join(dists, binary, "by-hash", "SHA256")
    os.makedirs(by_hash, exist_ok=True)
    text = packages_text(options.dir, options.architecture).encode()
    sums = []
    for name, data in [("Packages", text), ("Packages.gz", gzip.compress(text, 6, mtime=0)),
                       ("Packages.xz", lzma.compress(text, preset=1))]:
        digest = hashlib.sha256(data).hexdigest()
        if name != "Packages":  # the archive that people use has it compressed only
            for path in (os.path.join(dists, binary, name), os.path.join(by_hash, digest)):
                with open(path + ".new", "wb") as file:
                    file.write(data)
                os.replace(path + ".new", path)
        sums.append(f" {digest} {len(data):8} {binary}/{name}")
    lines = [f"Origin: {options.origin}", f"Label: {options.origin}", f"Suite: {options.suite}",
             f"Codename: {options.suite}", f"Date: {date_text(options.date)}"]
    if options.valid_until is not None:
        lines.append(f"Valid-Until: {date_text(options.valid_until)}")
    lines += ["Acquire-By-Hash: yes", f"Architectures: {options.architecture}", f"Components: {options.component}",
              "Description: made for a test", "SHA256:"] + sums
    release = ("\n".join(lines) + "\n").encode()
    signed = subprocess.run(["gpg", "--homedir", options.gnupg, "--batch", "--quiet", "--clearsign"], input=release,
                            check=True, capture_output=True).stdout
    with open(os.path.join(dists, "InRelease.new"), "wb") as file:
        file.write(signed)
    os.replace(os.path.join(dists, "InRelease.new"), os.path.join(dists, "InRelease"))


if __name__ == "__main__":
    main()
