# Whoever is killed at any step of taking an object in or evicting one leaves a cache that the next one mends: nothing is
# left in tmp/, the count is never too low, du never above the quota, every byte right.
# needs: root fuse nginx
# timeout: 240

random_files one/lib 12 250000
random_files two/lib 12 250000
for name in one two; do
  "$GRANARY" init repos/$name --name $name.example.org --keys keys-$name >trust-$name 2>/dev/null
  "$GRANARY" publish repos/$name $name >/dev/null
done
start_nginx repos
quota=5000000
prefetch() { "$GRANARY" prefetch "$url/$1" --trust trust-$1 --state state --cache cache --quota $quota; }
on_disk() { du -s --block-size=1 cache | cut -f1; }
for point in cache-after-temporary cache-after-reserve cache-after-write cache-after-move cache-after-unlink cache-after-evict; do
  for nth in 1 4; do
    rm -rf cache
    prefetch one >/dev/null 2>&1
    status=0
    GRANARY_CRASH_AT=$point:$nth prefetch two >/dev/null 2>&1 || status=$?
    expect_equal "$status" 137 "$point:$nth"
    [ "$(on_disk)" -le $quota ] || fail "$point: $(on_disk) bytes on the disk"
    prefetch two >/dev/null 2>&1 || fail "$point: the next one fails"
    expect_equal "$(find cache/tmp -mindepth 1 | wc -l)" 0 "$point"
    "$GRANARY" cache stat cache --json >stat.json
    [ "$(json caches.0.used stat.json)" -ge "$(on_disk)" ] || fail "$point: counted $(cat stat.json), $(on_disk) on the disk"
    [ "$(on_disk)" -le $quota ] || fail "$point: $(on_disk) bytes on the disk"
    "$GRANARY" cache verify cache --json >verify.json
    expect_equal "$(json caches.0.damaged verify.json)" 0 "$point"
  done
done
