# granary cache: scrub, list, stat, evict, clean and wipe, beside a running mount; what is damaged heals.
# needs: root fuse nginx

random_files source/lib 20 200000
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>/dev/null
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mkdir mnt
"$GRANARY" mount "$url" mnt --trust trust --state state --log "$WORK/mount.log" --cache cache
cat mnt/lib/* | wc -c >read
drop_from_kernel() { for each in mnt/lib/*; do dd if="$each" iflag=nocache count=0 2>/dev/null; done; }

"$GRANARY" cache stat mnt | says "$WORK/cache: " || fail "$("$GRANARY" cache stat mnt)"
"$GRANARY" cache stat cache --json >stat.json
objects=$(json caches.0.objects stat.json)
[ "$objects" -gt 15 ] || fail "$(cat stat.json)"
expect_equal "$("$GRANARY" cache list mnt | wc -l)" "$objects"
"$GRANARY" cache list mnt --json >list.json
expect_equal "$(json caches.0.objects.0.pinned list.json)" false

# Damaged below the mount, which has it open and verified: found, removed, noticed, healed.
"$GRANARY" cache verify mnt --json >verify.json
expect_equal "$(json caches.0.damaged verify.json)" 0
expect_equal "$(json caches.0.complete verify.json)" true
victim=$(getfattr --only-values -n user.granary.objects mnt/lib/file-7 | first)
file=cache/objects/${victim:0:2}/${victim:2}
printf 'X' | dd of="$file" conv=notrunc bs=1 seek=1000 2>/dev/null
"$GRANARY" cache verify mnt >verify.out
grep -q "^damaged $victim" verify.out || fail "$(cat verify.out)"
[ ! -e "$file" ] || fail "it is still there"
healed() { drop_from_kernel; cmp -s source/lib/file-7 mnt/lib/file-7 && [ -e "$file" ]; }
until_true 30 healed
"$GRANARY" cache verify cache | says "0 damaged" || fail "not healed"

# Stopped and gone on with.
"$GRANARY" cache verify --from 80 cache >verify.out
expect_fail 3 "$GRANARY" cache verify --from xyz cache

# Evicted by path and by name; what is pinned stays.
"$GRANARY" pin mnt/lib/file-3 >/dev/null 2>&1
pinned=$(getfattr --only-values -n user.granary.objects mnt/lib/file-3 | first)
expect_fail 11 "$GRANARY" cache evict "$pinned" --cache mnt
"$GRANARY" cache evict mnt/lib/file-7 | says "^evicted "
[ ! -e "$file" ] || fail "it is still there"
"$GRANARY" cache clean --to 2M mnt | says "^cleaned "
stored=$(find cache/objects -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
[ "$stored" -le $((2 << 20)) ] || fail "objects of $stored bytes are left"
expect_fail 10 "$GRANARY" cache clean --to 1 mnt
[ -e "cache/objects/${pinned:0:2}/${pinned:2}" ] || fail "a pinned object was evicted"
drop_from_kernel
same_tree source mnt

expect_fail 11 "$GRANARY" cache wipe cache
expect_said "is used by the mount at"
"$GRANARY" cache wipe --force cache
drop_from_kernel
same_tree source mnt
"$GRANARY" umount mnt
"$GRANARY" cache wipe cache
expect_equal "$(find cache/objects cache/tmp -type f | wc -l)" 0
expect_fail 3 "$GRANARY" cache verify repo
expect_fail 4 "$GRANARY" cache stat "$WORK/nothing"
mkdir empty
expect_fail 4 "$GRANARY" cache stat empty
