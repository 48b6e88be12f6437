# What a first start moves and takes over a link of 100 Mbit/s and 20 ms, without and with a profile of the boot, beside a
# start with a warm cache on the same machine. Prints the figures; asserts bytes alone (docs/benchmarks.md has times).
# needs: root fuse qemu-system-x86_64 qemu-img mcopy ssh
# timeout: 1500
# manual

. "$ROOT/tests/boot/lib.sh"

copy_of_os os
start_serve os
direct=$url
start_link --rate 100M --rtt 20ms
linked=$url

run() {  # NAME URL [OPTIONS...]: seconds until complete, bytes over the link
  local name=$1 from=$2 before
  shift 2
  before=$(link_carried down_bytes)
  start_guest "$name" --repo "$from" --branch debian12 "$@"
  wait_complete "$name"
  echo "$name: complete after $boot_seconds s, $((($(link_carried down_bytes) - before) / 1000000)) MB over the link"
  run_seconds=$boot_seconds run_bytes=$(($(link_carried down_bytes) - before))
}
end() { "$GRANARY" boot --vm "$1" stop >/dev/null; }

run cold "$linked" --set profile=
wait_ssh cold
before=$(link_carried down_bytes)
end cold && again cold && wait_complete cold
echo "warm: complete after $boot_seconds s, $((($(link_carried down_bytes) - before) / 1000000)) MB over the link"
warm=$boot_seconds
end cold

# A first start without the link: what is not the network's doing (keys are made, a file system, a journal).
run near "$direct" --set profile=
near=$run_seconds
end near

# The profile: what a start touches, recorded by one.
start_guest recorded --repo "$direct" --branch debian12 --set record=yes
wait_complete recorded
wait_ssh recorded
in_guest recorded cat /run/granary-boot/boot.trace >boot.trace
end recorded
"$GRANARY" profile attach os debian12 boot.trace --name boot
run profiled "$linked"
end profiled
[ "$run_bytes" -le 60000000 ] || fail "a first start moved $run_bytes bytes"
echo "ratio to warm: $($PYTHON -c "print(round($run_seconds / $warm, 2))"), to a first start without the link: $($PYTHON -c "print(round($run_seconds / $near, 2))")"
