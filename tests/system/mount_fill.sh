# A mount fills its cache in the background at a rate, never evicts for it, tries again what it could not have, and tells
# how far it is; unmounting never waits for it.
# needs: root fuse nginx

mkdir -p source/lib mnt
for i in $(seq 30); do head -c 100000 /dev/urandom >source/lib/file-$i; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
start_nginx repo

mount_it() { "$GRANARY" mount "$url" mnt --trust trust --state state --log mount.log "$@"; }
fill() { "$GRANARY" stat mnt --json >stat.json && json "fill.$1" stat.json; }
fill_is() { [ "$(fill state)" = "$1" ]; }

# Rates that cannot be.
for rate in 0 -1 fast 5X 5M5 99999999999G; do
  expect_fail 2 mount_it --cache cache "--fill=$rate"
  expect_said "impossible rate"
done
expect_fail 2 mount_it --cache cache -o fill=
expect_said "impossible rate"

# Everything arrives without anybody reading, and is served when the server is gone.
mount_it --cache cache --fill unlimited
until_true 20 fill_is complete
expect_equal "$(fill objects_done)" "$(fill objects_total)"
expect_equal "$(fill objects_failed)" 0
[ "$(fill received_bytes)" -gt 3000000 ] || fail "too few bytes: $(cat stat.json)"
"$GRANARY" stat mnt | says '^fill  *complete, ' || fail "stat does not show the fill: $("$GRANARY" stat mnt)"
stop "$nginx_process"
same_tree source mnt
"$GRANARY" umount mnt
start_nginx repo

# A low rate leaves most of it for later; it can be changed, and ended, while mounted.
mount_it --cache slow -o fill=1K
until_true 10 fill_is filling
expect_equal "$(fill rate)" 1024
[ "$(fill objects_done)" -lt "$(fill objects_total)" ] || fail "1 kB a second was not obeyed: $(cat stat.json)"
"$GRANARY" fill mnt off | says "fill off"
expect_equal "$(fill state)" off
expect_fail 3 "$GRANARY" fill mnt fast
expect_said "impossible rate"
"$GRANARY" fill mnt 1K >/dev/null
"$GRANARY" fill mnt 500M --json >fill.json
until_true 20 fill_is complete
"$GRANARY" umount mnt

# Unmounted while it fills: at once.
mount_it --cache other --fill 1K
until_true 10 fill_is filling
timeout 5 "$GRANARY" umount mnt

# A cache that is nearly full is left alone.
mount_it --cache small --quota 2M --fill unlimited
until_true 20 fill_is full
"$GRANARY" stat mnt --json >stat.json
expect_equal "$(json cache.evictions stat.json)" 0 "evictions: $(cat stat.json)"
[ "$(fill objects_done)" -gt 3 ] || fail "nothing was filled: $(cat stat.json)"
grep -q "fill stopped" mount.log || fail "nothing in the log: $(cat mount.log)"
"$GRANARY" umount mnt

# What cannot be had is had later.
lost=$(find repo/objects -type f -size +90k | first)
mv "$lost" kept
mount_it --cache third --fill unlimited
until_true 20 fill_is waiting
expect_equal "$(fill objects_failed)" 1
mv kept "$lost"
until_true 30 fill_is complete
expect_equal "$(fill objects_failed)" 0
"$GRANARY" umount mnt
