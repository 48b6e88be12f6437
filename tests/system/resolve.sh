# granary-mount --resolve says which snapshot a mount would show, --fetch gets one document; without a clock that can be
# trusted, freshness is unknown and says so.
# needs: root fuse

mkdir source mnt
echo one >source/file
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source --message "the first"
start_nginx repo
options="--trust trust --cache cache --state state"

# member FILE NAME: one member of the JSON object in FILE.
member() { $PYTHON -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

"$GRANARY_MOUNT" --resolve $options "$url" >answer
expect_equal "$(wc -l <answer)" 1 "lines"
snapshot=$(member answer snapshot)
"$GRANARY" mount $options --log mount.log "$url" mnt
expect_equal "$(getfattr -n user.granary.snapshot --only-values mnt)" "$snapshot"
expect_equal "$(getfattr -n user.granary.freshness --only-values mnt)" fresh
expect_equal "$(member answer tree_digest)" "$(getfattr -n user.granary.tree_digest --only-values mnt)"
"$GRANARY" umount mnt
expect_equal "$(member answer name) $(member answer branch) $(member answer tag) $(member answer freshness)" \
  "sw.example.org main None fresh"
expect_equal "$(member answer message)" "the first"
expect_equal "$(member answer timestamp_at)" "$(member state/seen/*.json timestamp)" # the floor of trusted time

expect_fail 4 "$GRANARY_MOUNT" --resolve $options --branch nothing "$url"
expect_said "no branch"
expect_fail 12 "$GRANARY_MOUNT" --resolve $options "$url/objects"
expect_fail 2 "$GRANARY_MOUNT" --resolve $options "$url" mnt
expect_fail 2 "$GRANARY_MOUNT" --resolve "$url"

# Without a clock: what had expired by the floor is refused, the rest is of unknown freshness. Versions count as ever.
"$GRANARY_MOUNT" --resolve $options --clock untrusted "$url" >answer
expect_equal "$(member answer freshness)" unknown
expect_fail 8 "$GRANARY_MOUNT" --resolve $options --clock untrusted --time-floor 2099-01-01 "$url"
expect_said "expired"
"$GRANARY_MOUNT" --resolve $options --time-floor 2099-01-01 --archive "$url" >answer
expect_equal "$(member answer freshness)" stale
expect_fail 2 "$GRANARY_MOUNT" --resolve $options --clock wrong "$url"
"$GRANARY" mount $options --log mount.log -o clock=untrusted,time_floor=2026-01-01 "$url" mnt
expect_equal "$(getfattr -n user.granary.freshness --only-values mnt)" unknown
"$GRANARY" stat mnt | says "freshness.*unknown" || fail "stat does not say it"
kill -KILL "$(getfattr -n user.granary.worker_pid --only-values mnt)"
expect_equal "$(getfattr -n user.granary.freshness --only-values mnt)" unknown "after another worker took over"
"$GRANARY" umount mnt
cp repo/head.json old-head.json
echo two >source/file
"$GRANARY" publish repo source
"$GRANARY_MOUNT" --resolve $options --clock untrusted "$url" >answer
[ "$(member answer snapshot)" != "$snapshot" ] || fail "the old snapshot"
cp repo/head.json new-head.json
cp old-head.json repo/head.json
expect_fail 20 "$GRANARY_MOUNT" --resolve $options --clock untrusted "$url"
cp new-head.json repo/head.json

# --fetch
"$GRANARY_MOUNT" --fetch "$url/head.json" | cmp - repo/head.json
http_proxy=http://127.0.0.1:1 "$GRANARY_MOUNT" --fetch --output fetched "$url/head.json"
cmp fetched repo/head.json
expect_equal "$(stat -c %a fetched)" 600
expect_fail 4 "$GRANARY_MOUNT" --fetch "$url/nothing"
expect_fail 22 "$GRANARY_MOUNT" --fetch --limit 10 "$url/head.json"
expect_fail 5 "$GRANARY_MOUNT" --fetch --timeout 5 "http://127.0.0.1:$(free_port)/"
expect_fail 5 env http_proxy=http://127.0.0.1:1 "$GRANARY_MOUNT" --fetch --proxy auto "$url/head.json"
expect_fail 2 "$GRANARY_MOUNT" --fetch
expect_fail 2 "$GRANARY_MOUNT" --fetch --frobnicate "$url"
expect_fail 3 "$GRANARY_MOUNT" --fetch --header "secret" "$url/head.json"
! grep -q secret said || fail "it told a header: $(cat said)"
