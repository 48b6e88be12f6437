# What the scripts of this folder share. Sourced, not run.
# What was made is kept in $cache/KEY: the key digests all that it was made from, so nothing is ever made twice, and
# nothing old is ever taken for new. KEY-folders that are no longer of use may be deleted at any time.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/granary/micro
jobs=${JOBS:-$(nproc)}

program=$(basename "$0" .sh)
say() { printf '%s: %s\n' "$program" "$*" >&2; }
fail() { say "$*"; exit 1; }
# Fails with the end of a log, which a temporary directory takes with it.
fail_with() {
  tail -n 40 "$1" >&2
  shift
  fail "$*; the end of its log is above"
}

need_packages() {
  local name missing=
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=" $name"
  done
  [ -z "$missing" ] || fail "missing Debian packages:$missing; install them with: apt-get install$missing"
}

# Of words, and of files' bytes.
key_of() {
  local argument
  for argument in "$@"; do
    if [ -f "$argument" ]; then cat "$argument"; else printf '%s\n' "$argument"; fi
  done | sha256sum | cut -c1-16
}

with_ccache() {
  if command -v ccache >/dev/null; then echo "ccache $*"; else echo "$*"; fi
}

# make_kept FOLDER FUNCTION [ARGS...]: FUNCTION WORK ARGS fills WORK/result, which becomes FOLDER when it is whole. Of
# several processes that want the same one makes it, and the others wait. WORK has the same path each time: what the
# compiler's cache knows of it, it knows again.
make_kept() {
  local folder=$1 function=$2 name
  name=$(basename "$1")
  shift 2
  mkdir -p "$cache"
  (
    flock 9
    [ ! -e "$folder" ] || [ -n "${again:-}" ] || exit 0
    local work=$cache/.work-$name
    rm -rf "$work"
    mkdir "$work"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    ("$function" "$work" "$@") || exit 1
    rm -rf "$folder"
    mv "$work/result" "$folder"
  ) 9>"$cache/.lock-$name" || exit 1
}
