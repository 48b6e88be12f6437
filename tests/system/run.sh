#!/bin/bash
# Runs system cases: each a script in this folder, in a working directory of its own that vanishes afterwards,
# with every mount and process that it left behind.
#   run.sh [--bin DIR] [--keep] [CASE...]
# DIR holds the built programs (build/dev/bin). Without CASE, all run one after the other.
#
# A case is bash, run with -euo pipefail, with lib.sh already read. Its comment lines may say
#   # needs: root fuse      skipped (77) where these are missing; micro-parts: what tools/dev micro-parts makes
#   # timeout: 120          seconds, 120 if nothing is said
#   # serial                ctest runs nothing beside it
# GRANARY_PATIENCE=N waits N times as long, on a slow machine.
# It finds: $PWD and $WORK, an empty directory; $HOME, another; $GRANARY and $GRANARY_MOUNT, the programs; $ROOT.
# Exit status: 0 passed, 77 skipped, anything else failed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$here/../.." && pwd)
bin=${GRANARY_BIN:-$ROOT/build/dev/bin}
keep=
cases=()
while [ $# -gt 0 ]; do
  case $1 in
    --bin) bin=$(realpath "$2"); shift 2 ;;
    --keep) keep=yes; shift ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "run.sh: no such option: $1" >&2; exit 2 ;;
    *) cases+=("$(realpath "$1")"); shift ;;
  esac
done
if [ ${#cases[@]} = 0 ]; then
  for script in "$here"/*.sh; do
    case $(basename "$script") in run.sh | lib.sh) ;; *) cases+=("$script") ;; esac
  done
fi

header() { sed -n "s/^# $2: *//p" "$1" | head -1; }

unmet_need() {
  local need
  for need in $(header "$1" needs); do
    case $need in
      root) [ "$(id -u)" = 0 ] || { echo root; return; } ;;
      fuse) [ -r /dev/fuse ] && [ -w /dev/fuse ] || { echo "/dev/fuse"; return; } ;;
      micro-parts) [ -x "$ROOT/build/micro/parts/granary-mount" ] || { echo "tools/dev micro-parts"; return; } ;;
      *) command -v "$need" >/dev/null || { echo "$need"; return; } ;;
    esac
  done
}

# Unmounts everything under $1, innermost first.
unmount_under() {
  local target
  awk -v top="$1/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r target; do
    target=$(printf '%b' "$target")
    umount -l "$target" 2>/dev/null || fusermount3 -uz "$target" 2>/dev/null || echo "run.sh: cannot unmount $target" >&2
  done
}

# Ends what a case left running: only processes whose arguments or working directory lie under $1.
end_processes_under() {
  local process
  for process in /proc/[0-9]*; do
    [ "${process#/proc/}" != $$ ] || continue
    if { tr '\0' ' ' <"$process/cmdline"; readlink "$process/cwd"; } 2>/dev/null | grep -qF "$1/"; then
      kill -9 "${process#/proc/}" 2>/dev/null || true
    fi
  done
}

work=
clean() {
  [ -n "$work" ] || return 0
  unmount_under "$work"
  end_processes_under "$work"
  if [ -n "$keep" ]; then echo "kept: $work" >&2; else rm -rf --one-file-system "$work"; fi
  work=
}
trap clean EXIT
trap 'exit 143' TERM INT HUP

run_case() {
  local script=$1 need limit status=0
  need=$(unmet_need "$script")
  if [ -n "$need" ]; then
    echo "skipped: $(basename "$script" .sh) needs $need"
    return 77
  fi
  work=$(realpath "$(mktemp -d "${TMPDIR:-/tmp}/granary-system.XXXXXX")")
  chmod 755 "$work"  # a web server's workers may run as somebody else
  mkdir "$work/work" "$work/home"
  mkdir -m 1777 "$work/tmp"
  limit=$(header "$script" timeout)
  limit=$((${limit:-120} * ${GRANARY_PATIENCE:-1}))
  (
    export ROOT WORK=$work/work OUTER_HOME=${HOME:-/root} HOME=$work/home TMPDIR=$work/tmp
    export GRANARY=$bin/granary GRANARY_MOUNT=$bin/granary-mount PATH=$bin:/usr/sbin:/sbin:$PATH
    cd "$WORK"
    # Mounts of its own: a namespace that another case makes would keep those that it finds from ending.
    apart=
    [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null || apart="unshare --mount"
    exec $apart timeout --kill-after=10 "$limit" bash -euo pipefail -c '. "$0"; . "$1"' "$here/lib.sh" "$script"
  ) </dev/null || status=$?
  case $status in
    0 | 77) ;;
    124 | 137) echo "FAILED: $(basename "$script") took longer than $limit s" >&2 ;;
    *) echo "FAILED: $(basename "$script") ended with status $status" >&2 ;;
  esac
  clean
  return $status
}

if [ ${#cases[@]} = 1 ]; then
  status=0
  run_case "${cases[0]}" || status=$?
  exit $status
fi
passed=0 failed=0 skipped=0
for script in "${cases[@]}"; do
  status=0
  run_case "$script" || status=$?
  case $status in
    0) passed=$((passed + 1)); echo "passed: $(basename "$script" .sh)" ;;
    77) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)) ;;
  esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
