# One machine's life: pinned at its first start, the same after a newer publish and without a network, updated, rolled
# back, and back by itself from an update that does not come up; its disk clean each time.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy ssh dumpe2fs
# timeout: 900

. "$ROOT/tests/boot/lib.sh"

newer() {  # a snapshot of debian12 with another file
  mkdir -p change && echo "$1" >change/edition
  "$GRANARY" publish os change --branch debian12 --path opt/edition >/dev/null
  snapshot_of os debian12
}

copy_of_os os
first=$(snapshot_of os debian12)
start_serve os
served=$serve_process
start_guest web --repo "$url" --branch debian12 --set complete_timeout=180s
wait_complete web
expect_equal "$booted" "$first" "the first start"
wait_ssh web
in_guest web granary-guest status >status
grep -q "${first:0:12}" status || fail "granary-guest does not say what runs: $(cat status)"
expect_equal "$(in_guest web findmnt -no FSTYPE /)" overlay
expect_equal "$(in_guest web systemctl --failed --no-legend)" "" "units that failed"
in_guest web 'echo kept >/etc/kept'

# The worker of the mount is killed: the system goes on.
in_guest web 'for p in /proc/[0-9]*; do
  case $( (tr "\0" " " <$p/cmdline) 2>/dev/null) in @*granary-mount*worker* | @*worker*granary*) kill -9 ${p#/proc/} && echo killed ;; esac
done' >killed || true
expect_equal "$(cat killed)" killed "the mount's worker"
in_guest web 'cat /usr/share/common-licenses/GPL-3 >/root/read && test -s /root/read'

# Something newer is published: the machine stays where it is, offline as well; its disk was left clean.
second=$(newer second)
[ "$second" != "$first" ] || fail "nothing newer was published"
power_off web
scratch_is_clean web
stop "$served"
again web
wait_complete web
expect_equal "$booted" "$first" "offline"
wait_ssh web
expect_equal "$(in_guest web cat /etc/kept)" kept

# Told to, it goes to the newest; and back.
"$GRANARY" serve os --listen "127.0.0.1:$port" >serve.log 2>&1 &
_processes+=($!)
wait_for_port "$port"
in_guest web granary-guest update check >checked || true
grep -q "${second:0:12}" checked || fail "an update is not seen: $(cat checked)"
in_guest web granary-guest update apply
in_guest web systemctl reboot || true
wait_complete web 2
expect_equal "$booted" "$second" "after the update"
wait_ssh web
expect_equal "$(in_guest web cat /etc/kept /opt/edition/edition | tr '\n' ' ')" "kept second "
in_guest web granary-guest update rollback
in_guest web systemctl reboot || true
wait_complete web 3
expect_equal "$booted" "$first" "after the rollback"
wait_ssh web

"$GRANARY" boot --vm web stop | says 'powered off' || fail "the power button does not power it off"
scratch_is_clean web
