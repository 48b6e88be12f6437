# One program after the other under readers that compare every byte, by both ways of handing requests over: none of them
# waits for ever, and none is told what is not so.
# needs: root fuse
# timeout: 240

next=$(dirname "$GRANARY_MOUNT")/granary-mount-next
[ -x "$next" ] || skip "no other version of the mount program was built"
mkdir -p source/many mnt
for i in $(seq 1 800); do echo "file $i" >"source/many/$i"; done
head -c 3000000 /dev/urandom >source/large
(cd source && find . -type f -print0 | sort -z | xargs -0 sha256sum) >sums
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >published

read_until_told() {
  while [ ! -e enough ]; do
    (cd mnt && sha256sum --quiet -c ../sums) || return 1
    [ ! -e mnt/many/none ] || return 1
    echo "$1" >>passes
    echo 2 >/proc/sys/vm/drop_caches
  done
}
for way in resent "from the table"; do
  rm -f enough passes
  env $([ "$way" = resent ] || echo GRANARY_NO_RESEND=1) \
    "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log
  readers=()
  for reader in 1 2 3 4; do
    read_until_told $reader >"reader.$reader" 2>&1 &
    readers+=($!)
  done
  for round in $(seq 1 12); do
    to=$next
    [ $((round % 2)) = 1 ] || to=$GRANARY_MOUNT
    timeout 60 "$GRANARY" upgrade mnt --program "$to" >upgraded 2>&1 || fail "upgrade $round: $(cat upgraded)"
    grep -q next upgraded || fail "upgrade $round: $(cat upgraded)"
  done
  touch enough
  for reader in 1 2 3 4; do
    until_true 60 ended "${readers[reader - 1]}"
    wait "${readers[reader - 1]}" || fail "reader $reader failed ($way): $(head -3 "reader.$reader")"
  done
  [ "$(wc -l <passes)" -ge 4 ] || fail "too little was read: $(cat passes)"
  "$GRANARY" umount mnt
done
