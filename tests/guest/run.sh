#!/bin/bash
# Runs system cases (tests/system) under another kernel: Debian 12's own, in a virtual machine without acceleration, on
# this machine's files, read-only, with everything written kept in the guest's memory.
#   tests/guest/run.sh [--bin DIR] [--memory MB] [--timeout SECONDS] [--set NAME=VALUE]... CASE...
# CASE is the name of a script in tests/system, such as worker_killed. --set puts a variable into its environment.
# A boot takes half a minute, a case some ten times as long as outside. The kernel's package comes from this host's own
# apt sources and is kept under ${XDG_CACHE_HOME:-~/.cache}/granary/guest. Needs root, qemu-system-x86, busybox-static, cpio.
# Exit status: 0 all passed (or skipped), 1 something failed, 2 wrong usage.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/granary/guest
bin=$root/build/dev/bin
memory=4096
limit=1800
settings=()
cases=()
modules=(virtio_pci 9pnet_virtio 9p overlay fuse loop)

say() { echo "guest: $*" >&2; }
fail() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --bin) bin=$(realpath "$2"); shift 2 ;;
    --memory) memory=$2; shift 2 ;;
    --timeout) limit=$2; shift 2 ;;
    --set) settings+=("$2"); shift 2 ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) say "no such option: $1"; exit 2 ;;
    *) cases+=("$1"); shift ;;
  esac
done
[ ${#cases[@]} -gt 0 ] || { sed -n '4p' "$0" >&2; exit 2; }
for program in qemu-system-x86_64 busybox cpio dpkg-deb; do
  command -v $program >/dev/null || fail "$program is missing: apt-get install qemu-system-x86 busybox-static cpio"
done
for name in "${cases[@]}"; do
  [ -f "$root/tests/system/$name.sh" ] || fail "no such case: $name; tests/system has them"
done

# Debian's newest kernel for this release, unpacked; fetched once.
get_kernel() {
  local package
  package=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ { print $2; exit }')
  [ -n "$package" ] || fail "apt knows no linux-image-amd64; run apt-get update"
  kernel=$cache/$package
  [ ! -d "$kernel" ] || return 0
  say "fetching $package"
  mkdir -p "$cache/new"
  (cd "$cache/new" && apt-get download -q "$package" 2>&1 | grep -v unsandboxed >&2 || true)
  dpkg-deb -x "$cache/new/$package"_*.deb "$cache/new/tree" || fail "cannot fetch $package with apt-get download"
  mv "$cache/new/tree" "$kernel"
  rm -rf "$cache/new"
}

# add_module NAME: it and, before it, what it needs.
add_module() {
  local name=$1 file needed
  ! grep -qxF "$name" "$work/initrd/modules/order" || return 0
  file=$(find "$kernel/lib/modules" -name "$name.ko" | head -1)
  [ -n "$file" ] || return 0  # built in
  for needed in $(modinfo -F depends "$file" | tr ',' ' '); do add_module "$needed"; done
  cp "$file" "$work/initrd/modules/"
  echo "$name" >>"$work/initrd/modules/order"
}

make_initrd() {
  local tree=$work/initrd module
  mkdir -p "$tree"/{bin,modules,dev,proc,sys,host,memory,root}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  : >"$tree/modules/order"
  for module in "${modules[@]}"; do add_module "$module"; done
  cp "$here/init" "$tree/init"
  chmod 755 "$tree/init"
  (
    echo "export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root GRANARY_GUEST=yes GRANARY_PATIENCE=8"
    for setting in ${settings[@]+"${settings[@]}"}; do printf 'export %q\n' "$setting"; done
    for name in "${cases[@]}"; do
      printf 'status=0; bash %q --bin %q %q || status=$?\n' "$root/tests/system/run.sh" "$bin" "$root/tests/system/$name.sh"
      printf 'echo "guest case %s: status $status"\n' "$name"
    done
  ) >"$tree/cases"
  (cd "$tree" && find . | cpio -o -H newc --quiet) >"$work/initrd.cpio"
}

run_guest() {
  timeout "$limit" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" -nographic -no-reboot \
    -nic none -kernel "$(echo "$kernel"/boot/vmlinuz-*)" -initrd "$work/initrd.cpio" \
    -append "console=ttyS0 quiet panic=-1 rdinit=/init" \
    -virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap" </dev/null |
    tr -d '\r' | tee "$work/console" | sed -n '/^guest/,$p'
}

work=$(mktemp -d "${TMPDIR:-/tmp}/granary-guest.XXXXXX")
trap 'rm -rf "$work"' EXIT
get_kernel
make_initrd
say "booting $(basename "$kernel") for: ${cases[*]}"
run_guest || fail "the guest did not end well; its console: $(tail -n 5 "$work/console")"
for name in "${cases[@]}"; do
  grep -qE "^guest case $name: status (0|77)$" "$work/console" || fail "$name failed"
done
say "passed"
