# Debian 12 and Debian 13 come up from the same micro image, until complete, and say what they took.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy
# timeout: 900

. "$ROOT/tests/boot/lib.sh"

for branch in debian12 debian13; do
  "$GRANARY" boot --repo "$FIXTURE/os" --image "$FIXTURE/micro" --set trust=boot --branch $branch --until-complete --json \
    --timeout "${BOOT_SECONDS}s" --console-file "$branch" >"$branch.json" 2>errors || fail "$branch: $(cat errors)"
  expect_equal "$(json snapshot "$branch.json")" "$(snapshot_of "$FIXTURE/os" $branch)"
  echo "$branch: $(cat "$branch.json")"
done
