#!/bin/bash
# What the cases boot, made once and kept: cooked from this host's own apt sources.
#   fixture.sh [--bin DIR] FOLDER
# FOLDER/os: a repository with the branches debian12 (with an ssh server) and debian13; FOLDER/trust; FOLDER/micro: the
# micro image, as kernel and initramfs. Needs root, a network for packages that are not cached, and the static parts
# (tools/dev micro-parts). Exit status: 0 it is there, 77 it cannot be made here, 1 making it failed.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$root/build/dev/bin
[ "$1" != --bin ] || { bin=$(realpath "$2"); shift 2; }
fixture=$(realpath -m "$1")
granary=$bin/granary

skip() { echo "skipped: $*"; exit 77; }

[ "$(id -u)" = 0 ] || skip "cooking needs root"
for program in clasp gpgv apt-get qemu-system-x86_64 mcopy; do
  command -v $program >/dev/null || skip "$program is missing: tools/dev deps"
done
mkdir -p "$fixture"
cd "$fixture"

. "$root/tests/boot/cooking.sh"

if [ ! -e os/head.json ]; then
  rm -rf os keys
  "$granary" init os --name boot.example.org --keys keys >trust.new 2>/dev/null
  mv trust.new trust
fi
base="systemd-sysv udev dbus kmod iproute2 procps"
recipe debian12 minimal $base openssh-server | cook . debian12
recipe debian13 minimal-trixie $base | cook . debian13
rm -rf micro.new
# What it contains may be newer than what it was made of before: made anew each time, which takes seconds.
"$granary" micro build --no-repo --trust boot=trust --format kernel+initrd -o micro.new >micro.log 2>&1 ||
  { cat micro.log >&2; grep -q "micro-parts" micro.log && skip "the static parts are missing: tools/dev micro-parts"; exit 1; }
rm -rf micro.old
[ ! -e micro ] || mv micro micro.old
mv micro.new micro
rm -rf micro.old
