#!/bin/bash
# Runs the README's two commands in a fresh Debian 12 that has nothing but its base system: what a newcomer sees.
#   run.sh [--keep] [--ccache DIR] [COMMAND...]
# COMMANDs run instead of the README's, such as 'tools/dev test -L unit'. DIR is a compiler cache to build with.
#
# The system is made by mmdebstrap from this host's apt sources; a clone of this checkout's HEAD lies in it. Mounts and
# processes live in namespaces of their own and end with the run. Needs root, /dev/fuse and 8 GB of disk; takes some
# fifteen minutes on two cores.
# Exit status: 0 every command succeeded, 1 one failed, 2 wrong usage.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
. "$here/../support/debian.sh"

say() { echo "fresh: $*"; }
fail() { echo "fresh: $*" >&2; exit 1; }

# inside ROOT COMMAND: in new mount and process namespaces, runs COMMAND in the clone as root would at a console.
if [ "${1:-}" = --inside ]; then
  root=$2
  mount --make-rprivate /
  mount --bind "$root" "$root"  # so that its top is a mount, as the top of a machine is
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  if [ -n "$4" ]; then mkdir -p "$root/var/cache/ccache" && mount --bind "$4" "$root/var/cache/ccache"; fi
  exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 TERM=dumb CCACHE_DIR=/var/cache/ccache \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash -c "cd /granary && $3" </dev/null
fi

keep=
ccache=
commands=()
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes; shift ;;
    --ccache) ccache=$(realpath "${2:?--ccache DIR}"); shift 2 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "fresh: no such option: $1" >&2; exit 2 ;;
    *) commands+=("$1"); shift ;;
  esac
done
[ ${#commands[@]} -gt 0 ] || commands=('tools/dev demo' 'tools/dev test')
[ "$(id -u)" = 0 ] || fail "making a system needs root"
command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing; run tools/dev deps"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/granary-fresh.XXXXXX")
clean() { if [ -n "$keep" ]; then say "kept: $work"; else rm -rf --one-file-system "$work"; fi; }
trap clean EXIT
trap 'exit 1' INT TERM
chmod 755 "$work"
root=$work/root

say "making a fresh Debian 12"
bootstrap_debian "$root" minbase 2>"$work/mmdebstrap.log" || { cat "$work/mmdebstrap.log" >&2; fail "mmdebstrap failed"; }
host_apt_options >"$root/etc/apt/apt.conf.d/90host"
for file in resolv.conf hosts; do cp -L /etc/$file "$root/etc/$file"; done
git clone -q --no-hardlinks "$checkout" "$root/granary"
[ -z "$(git -C "$checkout" status --porcelain)" ] || say "note: uncommitted changes are not part of this"
say "testing $(git -C "$root/granary" log -1 --format='%h %s')"

failed=0
results=()
for command in "${commands[@]}"; do
  say "in the fresh system: $command"
  began=$SECONDS status=0
  unshare --mount --pid --fork --kill-child "$0" --inside "$root" "$command" "$ccache" || status=$?
  [ $status = 0 ] && verdict=succeeded || { verdict="FAILED with status $status"; failed=1; }
  results+=("$command: $verdict after $((SECONDS - began)) s")
done
for line in "${results[@]}"; do say "$line"; done
exit $failed
