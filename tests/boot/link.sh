# A first start over a link of 100 Mbit/s and 20 ms, without and with a profile that was recorded by another machine:
# complete each time, with not too many bytes. How long it takes: tools/dev bench --only boot.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy ssh
# timeout: 1200
# manual

. "$ROOT/tests/boot/lib.sh"

most_bytes=60000000
copy_of_os os
start_serve os
direct=$url
start_link --rate 100M --rtt 20ms
linked=$url

# first_start NAME [OPTIONS...]: over the link; $moved has its bytes.
first_start() {
  local name=$1 before
  shift
  before=$(link_carried down_bytes)
  start_guest "$name" --repo "$linked" --branch debian12 "$@"
  wait_complete "$name"
  moved=$(($(link_carried down_bytes) - before))
  echo "$name: complete after $boot_seconds s, $moved bytes over the link"
  [ "$moved" -le $most_bytes ] || fail "a first start moved $moved bytes"
}
end() { "$GRANARY" boot --vm "$1" stop >/dev/null; }

first_start plain --set profile=
wait_ssh plain
end plain
before=$(link_carried down_bytes)
again plain
wait_complete plain
again_moved=$(($(link_carried down_bytes) - before))
[ "$again_moved" -lt $((moved / 2)) ] || fail "a second start moved $again_moved bytes, the first $moved"
end plain

# The profile: what a start touches, recorded by one.
start_guest recorded --repo "$direct" --branch debian12 --set record=yes
wait_complete recorded
wait_ssh recorded
in_guest recorded cat /run/granary-boot/boot.trace >boot.trace
end recorded
"$GRANARY" profile attach os debian12 boot.trace --name boot
first_start profiled
end profiled
