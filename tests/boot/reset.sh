# A machine that is reset is what it was at first, although its branch went on and it was updated; told to, it is updated
# again.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy ssh
# timeout: 900
# manual

. "$ROOT/tests/boot/lib.sh"

copy_of_os os
start_serve os
start_guest web --repo "$url" --branch debian12 --set complete_timeout=180s
wait_complete web
first=$booted
wait_ssh web
in_guest web 'echo kept >/etc/kept'

mkdir change && echo second >change/edition
"$GRANARY" publish os change --branch debian12 --path opt/edition >/dev/null
second=$(snapshot_of os debian12)
[ "$second" != "$first" ] || fail "nothing newer was published"

"$GRANARY" boot --vm web reset --json >outcome
expect_equal "$(json snapshot outcome)" "$first"
wait_complete web
expect_equal "$booted" "$first" "after the reset"
wait_ssh web
in_guest web test ! -e /etc/kept || fail "a change has outlived the reset"

in_guest web granary-guest update apply
in_guest web systemctl reboot || true
wait_complete web 2
expect_equal "$booted" "$second" "an update after the reset"
wait_ssh web
in_guest web systemctl reboot || true
wait_complete web 3
expect_equal "$booted" "$second" "the start after that"
"$GRANARY" boot --vm web stop >/dev/null
