#!/bin/bash
# What `tools/dev demo` shows, once everything is built: a small real system is published, served, mounted, read, changed
# and mounted as it was before; another one is cooked from a recipe. Everything happens in one temporary directory and is gone afterwards.
#   demo.sh BIN    the directory of the built programs
set -euo pipefail

bin=$(realpath "${1:?usage: demo.sh BIN}")
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$bin:$PATH

if [ -t 1 ]; then bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'; else bold='' dim='' plain=''; fi
fail() { echo "demo: $*" >&2; exit 1; }
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
short() { sed "s#$work/##g; s#$root/##g"; }
indent() { short | sed 's/^/    /'; }
# Prints a command line as one would type it.
show() {
  local word line=
  for word in "$@"; do
    case $word in *[' '\"\$]*) [ $# = 1 ] || word="'$word'" ;; esac
    line+=" $word"
  done
  printf '%s  $%s%s\n' "$dim" "$(short <<<"$line")" "$plain"
}
# Shows a command, then runs it.
run() { show "$@"; "$@" 2>&1 | indent; }

[ "$(id -u)" = 0 ] || fail "making a system with its owners and device nodes needs root; run: sudo tools/dev demo"
[ -c /dev/fuse ] || fail "/dev/fuse is missing: load the fuse module (modprobe fuse), or give it to this container"

work=$(mktemp -d "${TMPDIR:-/tmp}/granary-demo.XXXXXX")
server=
clean() {
  local status=$?
  granary umount "$work/os" >/dev/null 2>&1 || umount -l "$work/os" 2>/dev/null || true
  granary umount "$work/old" >/dev/null 2>&1 || umount -l "$work/old" 2>/dev/null || true
  [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
  rm -rf --one-file-system "$work"
  [ $status = 0 ] || echo "demo: stopped with status $status; nothing was left behind" >&2
}
trap clean EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"
cd "$work"

mount_options=(--trust "$work/demo.trust" --cache "$work/cache" --state "$work/state")

step "1. A real system: Debian 12, as small as it comes"
bash "$root/tests/support/make-reference-tree.sh" "$work/tree" small 2>&1 | grep '^make-reference-tree' | sed 's/^[^:]*: //' | indent

step "2. A repository, and the trust file that clients need"
init=(granary init "$work/repository" --name demo.example.org --keys "$work/keys")
show "${init[*]} >demo.trust"
"${init[@]}" 2>&1 >"$work/demo.trust" | indent

step "3. Publish it: content by digest, small files packed together, one signed head"
run granary publish "$work/repository" "$work/tree" --tag first --message "as bootstrapped"

step "4. Serve it over plain HTTP (any static web server would do)"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
show "granary serve repository --listen 127.0.0.1:$port &"
granary serve "$work/repository" --listen "127.0.0.1:$port" >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 200); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  kill -0 "$server" 2>/dev/null || { cat "$work/serve.log" >&2; fail "the server ended"; }
  sleep 0.05
done

step "5. Mount it: nothing is downloaded but what is read"
mkdir "$work/os" "$work/old"
run granary mount "http://127.0.0.1:$port" "$work/os" "${mount_options[@]}"
run ls -C -w 100 "$work/os"
run cat "$work/os/etc/os-release"
run stat -c '%A %U %s bytes, %y  %n' "$work/os/usr/bin/su"
run getfattr --absolute-names -n user.granary.tree_digest --only-values "$work/os"
echo
printf '    fetched so far: %s of %s\n' "$(du -sh "$work/cache" | cut -f1)" "$(du -sh "$work/tree" | cut -f1)"

step "6. It is the same system, entry by entry and byte by byte, xattrs and hard links included"
run python3 "$root/tests/support/compare_trees.py" "$work/tree" "$work/os"

step "7. It runs"
run chroot "$work/os" bash -c 'echo "hello from Debian $(cat /etc/debian_version), $(ls /usr/bin | wc -l) programs"'

step "8. Change one file, publish again: only the change is new"
echo "sown again" >"$work/tree/etc/motd"
run granary publish "$work/repository" "$work/tree" --message "a greeting"
run granary diff "$work/repository" first main

step "9. Yesterday is still there"
run granary mount "http://127.0.0.1:$port" "$work/old" "${mount_options[@]}" --tag first
run tail -n 1 "$work/tree/etc/motd" "$work/old/etc/motd"
run granary umount "$work/old"
run granary umount "$work/os"

step "10. Cook one from a recipe: resolved, fetched, installed, tested, published; and once more, from what is there"
run granary recipe list
run granary cook minimal --repo "$work/repository" --branch minimal --cache "$work/cook"
run granary cook minimal --repo "$work/repository" --branch minimal --cache "$work/cook" --locked

step "11. What it says of itself, from a throw-away shell in it"
run granary shell "$work/repository" --snapshot minimal --cache "$work/cache" -- dpkg-query -W bash libc6

step "Done; everything this made is gone again. Next: README.md, \"The first ten minutes\"."
