# Without a cache on a disk everything is streamed: right, without fetching an object again for each piece of it, and in
# bounded memory. What needs a cache is refused.
# needs: root fuse nginx

random_files source/lib 8 12000000
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>/dev/null
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mkdir mnt
requests() { grep -c 'GET /objects/' nginx/access.log || true; }
"$GRANARY" mount "$url" mnt --trust trust --state state --log "$WORK/mount.log" --cache none
objects=$(find repo/objects -type f | wc -l)
for i in $(seq 8); do cmp source/lib/file-$i mnt/lib/file-$i & done
for job in $(jobs -p); do [ "$job" = "$nginx_process" ] || wait "$job" || fail "differs"; done
asked=$(requests)
[ "$asked" -le $((objects + objects / 2)) ] || fail "$asked requests for $objects objects by eight readers"
"$GRANARY" stat mnt --json >stat.json
expect_equal "$(json cache.dir stat.json)" none
memory=$(awk '/^VmRSS/ { print $2 }' "/proc/$(json worker_pid stat.json)/status")
[ "$memory" -lt 400000 ] || fail "the mount takes $memory kB"
expect_fail 3 "$GRANARY" pin mnt/lib
expect_said "has no cache"
[ ! -e none ] || fail "a directory named none was made"
"$GRANARY" umount mnt
expect_fail 3 "$GRANARY" mount "$url" mnt --trust trust --state state --cache none --fill 1M
