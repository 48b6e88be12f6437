# Another version of the mount program under a live mount: whoever reads goes on, and a program that is no good changes
# nothing.
# needs: root fuse
# timeout: 180

next=$(dirname "$GRANARY_MOUNT")/granary-mount-next
[ -x "$next" ] || skip "no other version of the mount program was built"
mkdir -p source/many mnt other
for i in $(seq 1 1500); do echo "file $i" >"source/many/$i"; done
head -c 2000000 /dev/urandom >source/large
cp "$(command -v sleep)" source/sleep
(cd source && find . -type f -print0 | sort -z | xargs -0 sha256sum) >sums
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mount_it() { "$GRANARY" mount repo "$1" --trust trust --cache cache --state state --log mount.log; }
ask() {
  "$GRANARY" stat mnt --json >stat.json
  worker=$(json worker_pid stat.json)
  supervisor=$(json supervisor_pid stat.json)
  version=$(json worker.version stat.json)
}

mount_it mnt
ask
first=$version
background mnt/sleep 1000
program=$started
exec 7<mnt/large
head -c 1000000 <&7 | cmp - <(head -c 1000000 source/large)
cp "$GRANARY_MOUNT" old-program
chmod 755 old-program

# There and back, while a reader reads.
for round in 1 2; do
  before=$worker
  to=$next
  [ $round = 1 ] || to=$WORK/old-program
  echo 3 >/proc/sys/vm/drop_caches
  (cd mnt && sha256sum --quiet -c ../sums) >summed 2>&1 &
  reader=$!
  "$GRANARY" upgrade mnt --program "$to" --json >upgraded.json
  wait $reader || fail "a reader failed: $(head -3 summed)"
  expect_equal "$(json 0.from upgraded.json)" "$version"
  ask
  expect_equal "$(json 0.to upgraded.json)" "$version"
  expect_equal "$(json 0.supervisor upgraded.json)" replaced
  [ "$worker" != "$before" ] || fail "the worker is the same"
  expect_equal "$(readlink "/proc/$supervisor/exe")" "$to"
  expect_equal "$(readlink "/proc/$worker/exe")" "$to"
done
expect_equal "$version" "$first"
until_true 5 grep -q 'upgraded.*+next' mount.log
expect_equal "$(json 0.to upgraded.json)" "$first"

# A worker that dies afterwards is replaced by one of the same version, though the program's file is gone.
rm old-program
kill -9 "$worker"
until_true 10 sh -c "'$GRANARY' stat mnt --json | grep -q '\"restarts\":1'"
cat <&7 | cmp - <(tail -c +1000001 source/large)
exec 7<&-
kill -0 "$program" || fail "the program from the mount has died"

# Nothing changes when the new program is none, ends at once, or never gets ready.
ask
before=$worker
printf '#!/bin/sh\nexit 3\n' >ends
printf 'rubbish' >rubbish
chmod 755 ends rubbish
expect_fail 30 "$GRANARY" upgrade mnt --program ends
expect_said "the old one goes on"
expect_fail 30 "$GRANARY" upgrade mnt --program rubbish
expect_fail 3 "$GRANARY" upgrade mnt --program nothing
ask
expect_equal "$worker" "$before"
cmp mnt/large source/large

# All mounts, the worker alone.
mount_it other
"$GRANARY" upgrade mnt other --program "$next" --only-worker >said
expect_equal "$(grep -c '+next' said)" 2 "$(cat said)"
ask
expect_equal "$(readlink "/proc/$supervisor/exe" | grep -c next || true)" 0
expect_fail 3 "$GRANARY" upgrade
stop "$program"
"$GRANARY" umount mnt other
ended "$worker" || fail "the worker has outlived the mount"
ended "$supervisor" || fail "the supervisor has outlived the mount"
