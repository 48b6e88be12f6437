#!/bin/bash
# Makes a real Debian 12 tree: the fixture that system tests, the demo and the benchmarks share.
#   make-reference-tree.sh DIR [small|reference]
# small:      a minimal system, some 7,000 entries (default)
# reference:  standard system with compilers, git, vim, perl, numpy and kernel headers: some 48,000 entries, 850 MB
# Both get every kind of entry that a filesystem must carry: see add_oddities.py.
#
# DIR must be absent or empty. Packages come from this host's own apt sources for Debian, whatever they are.
# The finished tree is kept as a tar under ${XDG_CACHE_HOME:-$HOME/.cache}/granary/trees, so a second run only unpacks.
# Exit status: 0 made, 1 failed, 2 wrong usage.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/granary/trees

say() { echo "make-reference-tree: $*" >&2; }
fail() { say "$*"; exit 1; }

case "${1:-}" in
  -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '' | -*) sed -n '3p' "$0" >&2; exit 2 ;;
esac
dir=$1
kind=${2:-small}
case $kind in
  small) variant=minbase; packages= ;;
  reference) variant=standard; packages=gcc,g++,git,vim,perl,python3-numpy,linux-headers-amd64 ;;
  *) say "no such kind of tree: $kind (small or reference)"; exit 2 ;;
esac

[ "$(id -u)" = 0 ] || fail "cannot make $dir: device nodes and owners need root; run this as root"
for tool in mmdebstrap zstd python3; do
  command -v $tool >/dev/null || fail "cannot make $dir: $tool is missing; install it with tools/dev deps"
done
[ ! -e "$dir" ] || [ -z "$(ls -A "$dir")" ] || fail "cannot make $dir: it is not empty"

# cook TREE: bootstraps into the empty directory TREE.
cook() {
  say "bootstrapping a $kind tree; the first time this takes a minute or more"
  bootstrap_debian "$1" "$variant" ${packages:+--include="$packages"} || fail "cannot make $dir: see above"
  python3 "$here/add_oddities.py" "$1"
}

tar_options=(--numeric-owner --acls --xattrs --xattrs-include='*' --warning=no-timestamp)

# The name changes with the recipe, so that an older tree is never mistaken for this one.
recipe=$(cat "$0" "$here/debian.sh" "$here/add_oddities.py" | sha256sum | cut -c1-12)
archive=$cache/debian12-$kind-$recipe.tar.zst

mkdir -p "$cache" "$dir"
exec 9>"$cache/$kind.lock"
flock 9
if [ ! -e "$archive" ]; then
  work=$(mktemp -d)
  chmod 755 "$work"  # apt downloads as its own user
  trap 'rm -rf --one-file-system "$work"' EXIT
  cook "$work/tree"
  tar -C "$work/tree" -cf - --format=posix --sparse --sort=name "${tar_options[@]}" . |
    zstd -q -3 -T0 -o "$work/tar.zst"
  find "$cache" -maxdepth 1 -name "debian12-$kind-*.tar.zst" -delete
  mv "$work/tar.zst" "$archive"
fi
flock -u 9

zstd -dc "$archive" | tar -C "$dir" -xpf - --same-owner "${tar_options[@]}" ||
  fail "cannot unpack $archive into $dir"
python3 "$here/add_oddities.py" --sockets "$dir"  # a tar cannot hold these
say "$dir: $(find "$dir" | wc -l) entries, $(du -sm --apparent-size "$dir" | cut -f1) MB"
