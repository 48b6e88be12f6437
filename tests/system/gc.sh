# Garbage collection: nothing that a branch or tag reaches goes; shortening a history is announced first; a publish that
# counted on a quarantined object takes it back; publishes and collections side by side lose nothing.
# timeout: 300

"$GRANARY" init repo --name gc.example.org --keys keys >/dev/null
mkdir tree
for i in 1 2 3 4 5; do
  head -c 200000 /dev/urandom >tree/changing
  "$GRANARY" publish repo tree --json >"published-$i.json"
done
snapshot() { json snapshot "published-$1.json"; }
"$GRANARY" tag repo keep-me "$(snapshot 2)" >/dev/null
"$GRANARY" gc repo --json >gc.json
expect_equal "$(json snapshots gc.json)" 5
"$GRANARY" check repo --deep >/dev/null

# Announced: nothing goes before its time, and saying it again does not put it off.
"$GRANARY" gc repo --keep main=2 --json >gc.json
announced=$(json announced.0.effective gc.json)
expect_equal "$(json snapshots gc.json)" 5
"$GRANARY" gc repo --keep main=2 --json >gc.json
expect_equal "$(json announced gc.json)" "[]"
"$GRANARY" log --records repo | first | says "$announced" || fail "the log does not tell of the retention"

# At once: two of the branch and the tagged one are left.
"$GRANARY" gc repo --keep main=1 --notice 0 --json >gc.json
"$GRANARY" gc repo --keep main=2 --notice 0 --dry-run --json >dry.json
"$GRANARY" gc repo --json >gc.json
expect_equal "$(json snapshots gc.json)" 2
"$GRANARY" check repo --deep --json >checked.json
expect_equal "$(json sound checked.json)" true
expect_equal "$(json snapshots checked.json)" 2
quarantined=$(json quarantined checked.json)
[ "$quarantined" -gt 0 ] || fail "nothing was set aside"
# A longer retention later does not bring back what is gone, and is no fault.
"$GRANARY" gc repo --grace 0 --keep main=50 --notice 0 --json >gc.json
"$GRANARY" check repo --deep --json >checked.json
expect_equal "$(json sound checked.json)" true
expect_equal "$(json quarantined checked.json)" 0

# Something reachable is missing: nothing is removed.
head -c 100000 /dev/urandom >tree/changing
GRANARY_CRASH_AT=head-before-swap "$GRANARY" publish repo tree >/dev/null 2>&1 || true
catalog=$("$GRANARY" log repo -n 1 --json | $PYTHON -c 'import json, sys; print(json.loads(sys.stdin.readline())["catalog"])')
mv "repo/objects/${catalog:0:2}/${catalog:2}" saved
expect_fail 4 "$GRANARY" gc repo
expect_said "nothing was removed"
mv saved "repo/objects/${catalog:0:2}/${catalog:2}"

# Side by side.
publish_many() {
  local i
  for i in $(seq 1 12); do
    mkdir -p "own-$1"
    head -c 60000 /dev/urandom >"own-$1/file-$((i % 3))"
    "$GRANARY" publish repo "own-$1" --path "own-$1" >/dev/null || return 1
  done
}
publish_many a &
a=$!
publish_many b &
b=$!
while kill -0 $a 2>/dev/null || kill -0 $b 2>/dev/null; do "$GRANARY" gc repo --grace 1s >/dev/null; done
wait $a || fail "a publish beside gc failed"
wait $b || fail "a publish beside gc failed"
"$GRANARY" check repo --deep
