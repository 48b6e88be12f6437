# Without its supervisor a mount goes on, and says so; without both it is cleared away, at once, by whoever comes next.
# needs: root fuse

mkdir -p source/deep mnt
echo hello >source/file
for i in $(seq 1 300); do echo "$i" >"source/$i"; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mount_it() { "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log; }
ask() {
  "$GRANARY" stat mnt --json >stat.json
  worker=$(json worker_pid stat.json)
  supervisor=$(json supervisor_pid stat.json)
}
# What the kernel holds can be read from a dead mount, too.
is_dead() { echo 2 >/proc/sys/vm/drop_caches && ! ls mnt/deep >said 2>&1; }
is_alone() { "$GRANARY" stat mnt --json | says '"supervisor_pid":null'; }

# The supervisor alone: nobody notices but who asks; the worker ends with the mount.
mount_it
ask
kill -9 "$supervisor"
until_true 5 is_alone
cat mnt/[0-9]* | cmp - <(cat source/[0-9]*)
"$GRANARY" stat mnt >said
grep -q 'supervisor.*none' said || fail "stat does not say that nobody replaces the worker"
grep -q 'supervisor is gone' mount.log || fail "the log does not tell"
"$GRANARY" umount mnt
ended "$worker" || fail "the worker lingers"
mount_it
expect_equal "$(cat mnt/file)" hello

# Both at once: whoever reads is told, umount clears it away.
ask
kill -9 "$supervisor" "$worker"
until_true 5 is_dead
expect_fail 5 "$GRANARY" stat mnt
"$GRANARY" umount mnt
! is_mounted mnt || fail "still mounted"

# mount repairs, also while somebody still has a file open or stands in it, by either door; several dead ones too.
for door in granary mount; do
  mount_it
  exec 7<mnt/file
  ask
  kill -9 "$supervisor" "$worker"
  until_true 5 is_dead
  if [ $door = granary ]; then
    mount_it
  else
    "$(dirname "$GRANARY_MOUNT")/mount.granary" "$WORK/repo" "$WORK/mnt" -o "trust=$WORK/trust,cache=$WORK/cache,state=$WORK/state,log=$WORK/mount.log"
  fi
  exec 7<&-
  expect_equal "$(cat mnt/file)" hello
  expect_equal "$(grep -c " $WORK/mnt " /proc/self/mountinfo)" 1 "dead mounts are left below"
  "$GRANARY" umount mnt
done

# Whatever the moment at which the worker was killed, killing its supervisor afterwards leaves nothing behind.
mount_it
ask
kill -9 "$worker"
kill -9 "$supervisor"
until_true 5 is_dead
"$GRANARY" umount mnt 2>said || "$GRANARY" umount --lazy mnt
! is_mounted mnt || fail "still mounted"
