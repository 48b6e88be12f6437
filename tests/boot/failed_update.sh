# An update that does not come up: the machine returns to what it had, by itself, and says so.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy ssh
# timeout: 900
# manual

. "$ROOT/tests/boot/lib.sh"

copy_of_os os
first=$(snapshot_of os debian12)
start_guest web --repo "$WORK/os" --branch debian12 --set complete_timeout=120s
wait_complete web
wait_ssh web

# Whose init ends at once: the kernel panics, panic=10 starts it again.
mkdir edit
"$GRANARY" transaction begin os edit --branch debian12 >/dev/null
rm edit/usr/sbin/init
printf '#!/bin/sh\necho the broken one\nexit 1\n' >edit/usr/sbin/init
chmod 755 edit/usr/sbin/init
"$GRANARY" transaction commit os >/dev/null
second=$(snapshot_of os debian12)
[ "$second" != "$first" ] || fail "nothing was published"
in_guest web granary-guest update apply
in_guest web systemctl reboot || true
wait_console web 'the broken one'
wait_complete web 2
expect_equal "$booted" "$first" "after the failed update"
console_says web 'the update to .* failed: back to'
wait_ssh web
in_guest web granary-guest update status >status
grep -q "${second:0:12}" status || fail "the failed update is not told of: $(cat status)"
