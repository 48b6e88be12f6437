# What is pinned stays in the cache whatever else is read, over restarts and without a server; the quota stays hard; a
# damaged pin stops nobody; whoever is killed half-way leaves the pins as they were.
# needs: root fuse nginx

mkdir -p source/keep source/other mnt mnt2
for i in $(seq 10); do head -c 100000 /dev/urandom >source/keep/file-$i; done
for i in $(seq 60); do head -c 100000 /dev/urandom >source/other/file-$i; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mount_at() { "$GRANARY" mount "$url" "$1" --trust trust --cache cache --state state --log mount.log --quota 4M; }
stat_of() { "$GRANARY" stat mnt --json >stat.json && json "cache.$1" stat.json; }
kept_without_server() {
  mv repo/objects repo/away
  for i in $(seq 10); do cmp source/keep/file-$i mnt/keep/file-$i; done
  mv repo/away repo/objects
}

mount_at mnt
mount_at mnt2
"$GRANARY" pin mnt/keep >out 2>/dev/null
grep -q "^pinned mnt/keep: " out || fail "$(cat out)"
[ "$(stat_of pinned)" -ge 1000000 ] || fail "stat does not count what is pinned: $(cat stat.json)"
expect_equal "$(stat_of pins)" 1
"$GRANARY" pin --list mnt | says '^/keep  snapshot ' || fail "not in the list"

# More than fits is read, by another process too: the rest is evicted, the quota holds.
cat mnt/other/* mnt2/other/* mnt/other/* | wc -c >read
[ $(($(stat_of evictions) + $("$GRANARY" stat mnt2 --json >2.json && json cache.evictions 2.json))) -gt 0 ] || fail "nothing was evicted"
[ "$(stat_of used)" -le 4194304 ] || fail "more than the quota: $(cat stat.json)"
kept_without_server

# More than 80 % of the quota cannot be pinned, alone or together.
expect_fail 10 "$GRANARY" pin mnt
expect_said "--quota"
expect_fail 10 "$GRANARY" pin mnt/other
expect_equal "$(stat_of pins)" 1
expect_fail 4 "$GRANARY" pin "$WORK"
expect_fail 3 "$GRANARY" pin

# Over a restart.
"$GRANARY" umount mnt mnt2
mount_at mnt
expect_equal "$(stat_of pins)" 1
cat mnt/other/* | wc -c >read
kept_without_server

# A damaged pin protects nothing, and is told of.
"$GRANARY" umount mnt
echo nonsense >cache/pins/0123.pin
mount_at mnt
expect_equal "$(stat_of damaged_pins)" 1
"$GRANARY" stat mnt | says "damaged pins" || fail "stat does not tell of a damaged pin"
"$GRANARY" pin --list mnt --json >list.json
expect_equal "$(json pins.0.path list.json)" /keep
json damaged.0 list.json | says 0123.pin
grep -q "pin damaged" mount.log || fail "nothing in the log: $(cat mount.log)"
rm cache/pins/0123.pin

# Letting go, with a mount and without.
"$GRANARY" unpin mnt/keep | says "^unpinned /keep"
expect_equal "$(stat_of pins)" 0
expect_fail 4 "$GRANARY" unpin mnt/keep
"$GRANARY" pin mnt/keep/file-1 mnt/keep/file-2 >/dev/null 2>&1
"$GRANARY" umount mnt
"$GRANARY" unpin --cache cache /keep/file-1
expect_equal "$("$GRANARY" pin --list --cache cache | wc -l)" 1

# Killed before and after the pin is written, and before it is removed.
GRANARY_CRASH_AT=pin-before-write mount_at mnt
"$GRANARY" pin mnt/keep >/dev/null 2>&1 && fail "its worker was to be killed"
"$GRANARY" umount mnt
expect_equal "$("$GRANARY" pin --list --cache cache | wc -l)" 1
GRANARY_CRASH_AT=pin-after-write mount_at mnt
"$GRANARY" pin mnt/keep >/dev/null 2>&1 && fail "its worker was to be killed"
"$GRANARY" umount mnt
expect_equal "$("$GRANARY" pin --list --cache cache | wc -l)" 2
status=0
GRANARY_CRASH_AT=unpin-before-remove "$GRANARY" unpin --cache cache /keep >/dev/null 2>&1 || status=$?
expect_equal "$status" 137
expect_equal "$("$GRANARY" pin --list --cache cache | wc -l)" 2
mount_at mnt
cat mnt/other/* | wc -c >read
kept_without_server
"$GRANARY" umount mnt
