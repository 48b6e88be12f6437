# Many mounts of one and of several repositories make and share one cache at the same moment, while it is evicted, scrubbed
# and wiped: every byte is right, and du never says more than the quota.
# needs: root fuse nginx
# timeout: 240

random_files one/lib 20 200000
random_files two/lib 20 200000
cp one/lib/file-1 two/lib/same
for name in one two; do
  "$GRANARY" init repos/$name --name $name.example.org --keys keys-$name >trust-$name 2>/dev/null
  "$GRANARY" publish repos/$name $name >/dev/null
done
start_nginx repos
quota=6291456
mount_one() {
  mkdir -p "$2"
  "$GRANARY" mount "$url/$1" "$2" --trust trust-$1 --state state-$2 --log "$WORK/$2.log" --cache cache --quota $quota
}
for i in 1 2 3; do
  mount_one one a$i &
  first+=($!)
  mount_one two b$i &
  first+=($!)
done
for process in "${first[@]}"; do wait "$process" || fail "a mount failed: $(cat ./*.log)"; done

# While it is counted the mounts stand still: what is counted last must not lie in the room of what was counted first.
workers=$(for mount in a1 a2 a3 b1 b2 b3; do "$GRANARY" stat $mount --json >$mount.json && json worker_pid $mount.json; done)
stands() { says '^State:[[:space:]]*T' <"/proc/$1/status"; }
on_disk() {
  local worker
  kill -STOP $workers
  for worker in $workers; do until_true 10 stands "$worker"; done
  { du -s --block-size=1 cache 2>/dev/null || true; } | cut -f1
  kill -CONT $workers
}
read_all() { for round in 1 2 3; do for file in $1/lib/*; do cmp "$file" "$2/lib/${file##*/}" || exit 1; dd if="$2/lib/${file##*/}" iflag=nocache count=0 2>/dev/null; done; done; }
for i in 1 2 3; do
  (read_all one a$i) & readers+=($!)
  (read_all two b$i) & readers+=($!)
done
most=0
for round in $(seq 12); do
  used=$(on_disk)
  [ "$used" -le "$most" ] || most=$used
  [ $((round % 4)) != 0 ] || "$GRANARY" cache verify cache >/dev/null
  [ $((round % 5)) != 0 ] || "$GRANARY" cache clean --to 4M cache >/dev/null || true
  [ "$round" != 9 ] || "$GRANARY" cache wipe --force cache >/dev/null
  sleep 0.3
done
for reader in "${readers[@]}"; do wait "$reader" || fail "a reader got other bytes"; done
[ "$most" -le $quota ] || fail "$most bytes on the disk, quota $quota"
[ "$(du -s --block-size=1 cache | cut -f1)" -le $quota ] || fail "more than the quota: $(du -s cache)"
"$GRANARY" cache verify cache --json >verify.json
expect_equal "$(json caches.0.damaged verify.json)" 0
expect_fail 11 "$GRANARY" cache wipe cache
"$GRANARY" umount a1 a2 a3 b1 b2 b3
