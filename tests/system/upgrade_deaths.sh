# The new worker of an upgrade dies at the worst moment: it is ready, and the old one has been told to go. Somebody goes
# on, whether the old one goes by itself or has to be made to, and is left in peace afterwards. Or it never gets ready.
# needs: root fuse
# timeout: 240

mkdir -p source mnt
head -c 1000000 /dev/urandom >source/large
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >published
ask() { "$GRANARY" stat mnt --json >stat.json; json "$1" stat.json; }
stopped_worker() { stopped_child "$supervisor" "$old"; }
# In recvmsg(2), by its number here: it has said that it is ready.
waits_for_its_turn() { grep -qE "^(47|212) " "/proc/$1/syscall"; }

# A new mount, and an upgrade of it whose worker stands still before it is ready.
begin_upgrade() {
  GRANARY_STOP_AT=snapshot-taken-over "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log
  supervisor=$(ask supervisor_pid)
  old=$(ask worker_pid)
  "$GRANARY" upgrade mnt >upgraded 2>&1 &
  upgrade=$!
  until_true 20 stopped_worker
}

for old_goes in "by itself" "when it is made to"; do
  begin_upgrade
  new=$(stopped_worker)
  kill -STOP "$old"
  kill -CONT "$new"
  until_true 20 waits_for_its_turn "$new"
  kill -KILL "$new"
  [ "$old_goes" != "by itself" ] || kill -CONT "$old"

  # Whoever comes after both stands still at first, like all that take over.
  until_true 20 stopped_worker
  kill -CONT "$(stopped_worker)"
  ! wait $upgrade || fail "upgraded to a program that had died"
  grep -q "the old one goes on" upgraded || fail "said: $(cat upgraded)"
  echo 3 >/proc/sys/vm/drop_caches
  timeout 20 cmp source/large mnt/large || fail "the mount does not answer (the old worker goes $old_goes)"
  worker=$(ask worker_pid)
  expect_equal "$(ask restarts)" 1
  sleep 2.5
  expect_equal "$(ask worker_pid)" "$worker" "a worker that had nothing to do with it was replaced"
  echo 3 >/proc/sys/vm/drop_caches
  timeout 20 cmp source/large mnt/large
  "$GRANARY" umount mnt
done

# One that never gets ready is given up, and then another may try.
begin_upgrade
expect_fail 11 "$GRANARY" upgrade mnt
expect_said "another upgrade is under way"
! wait $upgrade || fail "upgraded to a program that never got ready"
grep -q "not ready within 60 s.; the old one goes on" upgraded || fail "said: $(cat upgraded)"
! stopped_worker || fail "it is still there"
cmp source/large mnt/large
"$GRANARY" upgrade mnt >upgraded 2>&1 &
upgrade=$!
until_true 20 stopped_worker
kill -CONT "$(stopped_worker)"
wait $upgrade || fail "$(cat upgraded)"
cmp source/large mnt/large
"$GRANARY" umount mnt
