# The words of a boot case, on top of those of tests/system/lib.sh.

FIXTURE=${GRANARY_BOOT_FIXTURE:-$(dirname "$(dirname "$GRANARY")")/boot-fixture}
[ -e "$FIXTURE/micro/initrd" ] || skip "there is nothing to boot: tests/boot/fixture.sh makes it"
export XDG_CACHE_HOME=$OUTER_HOME/.cache  # whether KVM works is found out once
VMS=$HOME/.local/state/granary/vms
SPEED=${GRANARY_PATIENCE:-1}
BOOT_SECONDS=$((400 * SPEED))  # a boot takes 15 to 40 s on an idle machine without KVM
# A guest keeps two processors busy for minutes: cases that run beside it, and have less patience, go first.
renice -n 10 $$ >/dev/null

granary=$GRANARY
. "$ROOT/tests/boot/cooking.sh"
# tree BRANCH GROUND PACKAGE...: a tree of the case's own, in the fixture's repository from then on.
tree() { recipe "$@" | cook "$FIXTURE" "$1"; }
# tiny_os: a copy of the repository, os, with the branch tiny: an OS of busybox alone, which is up in seconds. What the
# image does does not depend on the OS. It says "boot complete", and then runs what is typed at its console.
tiny_os() {
  copy_of_os os
  local tree=$WORK/tree applet
  mkdir -p "$tree"/{bin,sbin,dev,proc,sys,run,tmp,etc,root}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  for applet in sh ip sleep grep cat ps ls rm sync head tail df sha256sum; do ln -s busybox "$tree/bin/$applet"; done
  cat >"$tree/sbin/init" <<'END'
#!/bin/sh
export PATH=/bin
exec </dev/console >/dev/console 2>&1
/run/initramfs/bin/granary-guest boot-complete
while read -r line; do eval "$line"; done
END
  chmod 755 "$tree/sbin/init"
  "$GRANARY" publish os "$tree" --branch tiny >/dev/null
}
# typed NAME LINE: at the console of a machine with such an OS.
typed() { echo "$2" | "$GRANARY" boot --vm "$1" console >/dev/null; }
tiny_end="exec /run/initramfs/bin/granary-init end-sysvinit poweroff"
# A throw-away copy of the repository.
copy_of_os() { cp -a "$FIXTURE/os/." "$1"; }

# start_guest NAME [OPTIONS...]: a machine that stays, on the fixture's image, in the background; waits for nothing.
# --repo is to be said.
start_guest() {
  local name=$1
  shift
  "$GRANARY" boot --vm "$name" --image "$FIXTURE/micro" --set trust=boot "$@" >"$WORK/$name.started" ||
    fail "$name does not start: $(cat "$WORK/$name.started" "$VMS/$name/keeper.log")"
  boots=0
}
# again NAME: a machine that was stopped starts.
again() { "$GRANARY" boot --vm "$1" >"$WORK/$1.started" || fail "$1 does not start again"; }

console() { printf '%s' "$VMS/$1/console.log"; }
_console_end() { tail -n 25 "$(console "$1")" | tr -d '\r' >&2; }

# wait_console NAME PATTERN [COUNT]: until its console has said so (COUNT times since it was started).
wait_console() {
  local name=$1 pattern=$2 wanted=${3:-1} tries=$((BOOT_SECONDS * 4)) said
  while :; do
    said=$(grep -caE -- "$pattern" "$(console "$name")" 2>/dev/null || true)
    [ "${said:-0}" -lt "$wanted" ] || return 0
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { _console_end "$name"; fail "$name never said '$pattern'"; }
    if ! is_running "$name"; then
      _console_end "$name"
      fail "$name ended before it said '$pattern'"
    fi
    sleep 0.25
  done
}
is_running() { "$GRANARY" boot --vm "$1" list --json | says '"state":"\(running\|starting\)"'; }

# wait_complete NAME [COUNT]: until it is up, for the COUNTth time since QEMU was started; $booted is the snapshot,
# $boot_seconds the guest's uptime.
wait_complete() {
  wait_console "$1" 'granary: boot complete ' "${2:-1}"
  local line
  line=$(tr -d '\r' <"$(console "$1")" | grep -a 'granary: boot complete ' | tail -1)
  booted=$(sed -n 's/.*snapshot=\([0-9a-f]*\).*/\1/p' <<<"$line")
  boot_seconds=$(sed -n 's/.*seconds=\([0-9.]*\).*/\1/p' <<<"$line")
}
console_says() { tr -d '\r' <"$(console "$1")" | says -a -- "$2" || { _console_end "$1"; fail "$1 did not say '$2'"; }; }

# in_guest NAME COMMAND...: over ssh, as root.
in_guest() {
  local name=$1
  shift
  "$GRANARY" boot --vm "$name" ssh -- "$@" </dev/null
}
# wait_ssh NAME: its ssh server answers.
wait_ssh() { until_true "$BOOT_SECONDS" in_guest "$1" true; }
# shut_down NAME VERB...: by its own init; waits until QEMU has ended (poweroff alone).
power_off() {
  in_guest "$1" systemctl poweroff >/dev/null 2>&1 || true
  until_true "$BOOT_SECONDS" eval "! is_running $1"
}

# snapshot_of REPO BRANCH: the id of its newest.
snapshot_of() {
  "$GRANARY" branch "$1" --json | $PYTHON -c 'import json, sys
for line in sys.stdin:
    branch = json.loads(line)
    if branch["branch"] == sys.argv[1]: print(branch["snapshot"])' "$2"
}

# scratch_is_clean NAME: its disk holds a file system that e2fsck has nothing to say about.
scratch_is_clean() {
  local raw=$WORK/scratch.raw offset
  rm -f "$raw"
  qemu-img convert -O raw "$VMS/$1/disk.qcow2" "$raw"
  offset=$({ sfdisk --json "$raw" 2>/dev/null || true; } | $PYTHON -c 'import json, sys
try: print(json.load(sys.stdin)["partitiontable"]["partitions"][0]["start"] * 512)
except Exception: print(0)')
  dumpe2fs -h "$raw?offset=$offset" 2>/dev/null | says '^Filesystem state: *clean$' || fail "$1's scratch was not unmounted clean"
  e2fsck -fn "$raw?offset=$offset" >"$WORK/fsck.log" 2>&1 || fail "e2fsck complains of $1's scratch: $(tail -5 "$WORK/fsck.log")"
  rm -f "$raw"
}
