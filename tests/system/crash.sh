# A publish that is killed at any step leaves the branch as it was, or wholly new; nothing is broken, the next publish
# works, and what was left over is swept.
# timeout: 300

"$GRANARY" init repo --name crash.example.org --keys keys >/dev/null
mkdir -p tree/etc
echo 0 >tree/etc/state
"$GRANARY" publish repo tree --json >before.json

round=0
for point in staging-before-sync staging-before-renames staging-between-renames staging-between-renames:2 \
  staging-after-renames staging-committed staging-committed:2 head-before-swap head-after-swap log-written; do
  round=$((round + 1))
  echo "$round" >tree/etc/state
  head -c 200000 /dev/urandom >"tree/file-$round"
  before=$("$GRANARY" cat repo /etc/state)
  status=0
  GRANARY_CRASH_AT=$point "$GRANARY" publish repo tree >killed.out 2>&1 || status=$?
  expect_equal $status 137 "publish was to be killed at $point: $(cat killed.out)"

  after=$("$GRANARY" cat repo /etc/state)
  case $point in
    head-after-swap | log-written) expect_equal "$after" "$round" "at $point" ;;
    *) expect_equal "$after" "$before" "at $point" ;;
  esac
  "$GRANARY" check repo --deep >checked.out || fail "damaged after $point: $(cat checked.out)"
  "$GRANARY" publish repo tree --json >next.json
  expect_equal "$("$GRANARY" cat repo /etc/state)" "$round" "published again after $point"
  "$GRANARY" check repo --deep >checked.out || fail "damaged after the publish that followed $point: $(cat checked.out)"
done
"$GRANARY" gc repo --grace 0 --json >gc.json
"$GRANARY" check repo --deep --json >checked.json
expect_equal "$(json leftovers checked.json)" 0

# A collection that is killed has lost nothing.
for point in gc-before-rename gc-after-rename gc-after-rename:3; do
  # leftovers to collect
  echo "$point" >tree/etc/state
  head -c 500000 /dev/urandom >tree/left-over
  GRANARY_CRASH_AT=head-before-swap "$GRANARY" publish repo tree >/dev/null 2>&1 || true
  rm tree/left-over
  status=0
  GRANARY_CRASH_AT=$point "$GRANARY" gc repo >/dev/null 2>&1 || status=$?
  expect_equal $status 137 "gc was to be killed at $point"
  "$GRANARY" check repo --deep >checked.out || fail "damaged after gc was killed at $point: $(cat checked.out)"
  "$GRANARY" publish repo tree >/dev/null
done
"$GRANARY" gc repo --grace 0 >/dev/null
"$GRANARY" gc repo --grace 0 >/dev/null
"$GRANARY" check repo --deep --json >checked.json
expect_equal "$(json orphans checked.json)" 0
expect_equal "$(json quarantined checked.json)" 0
