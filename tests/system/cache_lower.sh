# A cache below the own one, only read: a pre-filled image on a read-only disk, and another user's whose owner cannot change
# what we have verified. What is damaged there is fetched.
# needs: root fuse nginx mkfs.ext4

random_files source/lib 10 300000
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>/dev/null
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mkdir mnt
loop_disk image 64M
"$GRANARY" prefetch "$url" --trust trust --state state --cache image/cache --quota 40M >/dev/null 2>&1
chmod -R go+rX image/cache
mount -o remount,ro "$loop_device" image
mount_it() { "$GRANARY" mount "$url" mnt --trust trust --state state --log "$WORK/mount.log" "$@"; }
stat_of() { "$GRANARY" stat mnt --json >stat.json && json "$1" stat.json; }

# From there alone: no object is asked for.
mv repo/objects repo/away
for cache in own none; do
  mount_it --cache $cache --lower-cache "$WORK/missing" -o lower_cache="$WORK/image/cache"
  same_tree source mnt
  [ "$(stat_of cache.lower_hits)" -gt 10 ] || fail "not from below: $(cat stat.json)"
  "$GRANARY" umount mnt
done
expect_equal "$(find own/objects -type f | wc -l)" 0
mv repo/away repo/objects

# Another user's: copied up, so that he cannot change it afterwards.
cp -r image/cache theirs
chown -R 4711:4711 theirs
chmod -R go+rX theirs
rm -rf own
mount_it --cache own --lower-cache theirs
same_tree source mnt
for file in theirs/objects/*/*; do echo poison >"$file"; done
[ "$(find own/objects -type f | wc -l)" -gt 5 ] || fail "nothing was copied up"
"$GRANARY" umount mnt
mount_it --cache own --lower-cache theirs
same_tree source mnt
"$GRANARY" umount mnt

# Damaged below, for a mount that has nothing yet: fetched, and told of.
rm -rf own mount.log
mount_it --cache own --lower-cache theirs
same_tree source mnt
"$GRANARY" umount mnt
grep -q "lower cache object damaged" mount.log || grep -q "lower cache object damaged" *.log || fail "$(cat mount.log)"
expect_fail 3 mount_it --cache own --lower-cache own
expect_said "below itself"
