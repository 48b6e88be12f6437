# The disk of the cache is full, has no inodes left, or is smaller than the quota: every byte is read all the same, the
# log has a line for each change, nothing is fetched again for each piece, and it works again once there is room.
# needs: root fuse nginx mkfs.ext4
# timeout: 240

random_files source/lib 24 1000000
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>/dev/null
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mkdir mnt
mount_it() { "$GRANARY" mount "$url" mnt --trust trust --state state --log "$WORK/mount.log" "$@" 2>mount.err; }
all_is_right() { for file in source/lib/*; do cmp "$file" "mnt/lib/${file##*/}" || fail "$file differs"; done; }
stat_of() { "$GRANARY" stat mnt --json >stat.json && json "$1" stat.json; }
drop_from_kernel() { for each in mnt/lib/*; do dd if="$each" iflag=nocache count=0 2>/dev/null; done; }
lines() { grep -c "$1" mount.log || true; }
requests() { grep -c 'GET /objects/' nginx/access.log || true; }
objects=$(find repo/objects -type f | wc -l)

# A quota larger than the disk: told of, and the disk decides.
loop_disk disk 12M -O ^has_journal
mount_it --cache disk/cache --quota 1G
grep -q "cache quota larger than its disk" mount.err mount.log || fail "not told of the quota: $(cat mount.err)"
all_is_right
[ "$(stat_of cache.evictions)" -gt 0 ] || fail "nothing was evicted: $(cat stat.json)"
early=$(lines 'cache degraded')  # evicting may have come late once
[ "$early" -le 1 ] || fail "degraded again and again: $(cat mount.log)"

# Somebody else fills it to the last block.
dd if=/dev/zero of=disk/ballast bs=4096 2>/dev/null || true
"$GRANARY" cache clean --to 1 mnt >clean.out 2>&1 || true
sleep 6  # the mount lets go of what it had open
dd if=/dev/zero of=disk/ballast2 bs=4096 2>/dev/null || true
drop_from_kernel
before=$(requests)
all_is_right
asked=$(($(requests) - before))
[ "$asked" -le $((2 * objects)) ] || fail "$asked requests for $objects objects: fetched again for each piece"
expect_equal "$(lines 'cache degraded')" $((early + 1)) "$(grep cache mount.log)"
[ "$(stat_of cache.put_failures)" -gt 0 ] || fail "nothing was refused: $(cat stat.json)"
rm disk/ballast disk/ballast2
works_again() { drop_from_kernel; cat mnt/lib/* | wc -c >read; [ "$(lines 'cache works again')" -gt "$early" ]; }
until_true 30 works_again
all_is_right
"$GRANARY" umount mnt
expect_equal "$(lines 'cache degraded')" $((early + 1))
expect_equal "$(lines 'cache works again')" $((early + 1))

# No inodes left.
loop_disk inodes 40M -N 64
rm -f mount.log
mount_it --cache inodes/cache --quota 30M
all_is_right
[ "$(df --output=iavail inodes | tail -1)" -lt 30 ] || fail "there are inodes left: $(df -i inodes)"
"$GRANARY" umount mnt

# A small tmpfs, as in a micro image.
mkdir memory
mount -t tmpfs -o size=3m tmpfs memory
rm -f mount.log
mount_it --cache memory/cache
all_is_right
all_is_right
"$GRANARY" umount mnt
[ "$(du -s --block-size=1 memory/cache | cut -f1)" -le 3145728 ]
