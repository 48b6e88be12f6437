# What must not start says why: a trust for another repository, a server that is not there, answers that are not what
# they claim; and what may start without a disk does.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy
# timeout: 900

. "$ROOT/tests/boot/lib.sh"

boot() { "$GRANARY" boot --image "$FIXTURE/micro" --until-complete --quiet --branch debian13 --timeout "${BOOT_SECONDS}s" "$@"; }

# Another repository under the same name: its keys are not those that the image trusts.
"$GRANARY" init other --name boot.example.org --keys other-keys >/dev/null 2>&1
mkdir tree && echo hello >tree/file && "$GRANARY" publish other tree --branch debian13 >/dev/null
expect_fail 5 boot --repo other --set trust=boot --set on_failure=poweroff --set retries=0
grep -qiE 'FAILED.*(trust|signed|repository)' "$WORK/said" || fail "a foreign repository was not refused by name: $(tail -30 said)"

# A trust that the image does not have.
expect_fail 5 boot --repo "$FIXTURE/os" --set trust=theirs --set on_failure=poweroff --set retries=0
expect_said theirs

# Nobody serves.
expect_fail 5 boot --repo http://127.0.0.1:9 --set trust=boot --set on_failure=poweroff --set retries=1
expect_said "FAILED"

# No disk at all: memory does, with a warning.
"$GRANARY" boot --image "$FIXTURE/micro" --repo "$FIXTURE/os" --set trust=boot --branch debian13 --disk none --until-complete --json \
  --timeout "${BOOT_SECONDS}s" --console-file console >outcome 2>errors || fail "does not start without a disk: $(cat errors)"
tr -d '\r' <console | says -i 'warning: scratch' || fail "no warning without a disk"
