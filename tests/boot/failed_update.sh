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
mkdir -p broken && printf '#!/bin/sh\necho the broken one\nexit 1\n' >broken/init && chmod 755 broken/init
"$GRANARY" publish os broken --branch debian12 --path usr/sbin --keep >/dev/null 2>&1 || {
  "$GRANARY" transaction begin os broken-edit --branch debian12 2>/dev/null || skip "cannot change the tree here"
  rm -f broken-edit/usr/sbin/init && cp broken/init broken-edit/usr/sbin/init
  "$GRANARY" transaction commit os broken-edit >/dev/null
}
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
