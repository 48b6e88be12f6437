# A mount that switches to another snapshot while a new program gets ready beside the old one: the new one goes on from
# there, and so does whoever comes after it.
# needs: root fuse
# timeout: 120

next=$(dirname "$GRANARY_MOUNT")/granary-mount-next
[ -x "$next" ] || skip "no other version of the mount program was built"
mkdir -p source/dir mnt
echo one >source/changed
echo old >source/dir/removed
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
GRANARY_STOP_AT=snapshot-taken-over "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log --follow 3600
ask() { "$GRANARY" stat mnt --json >stat.json; json "$1" stat.json; }
supervisor=$(ask supervisor_pid)
first=$(ask worker_pid)
cat mnt/changed mnt/dir/removed >said
exec 5<mnt/changed

# The one that gets ready stands still once it has learned what is served.
stopped_worker() { stopped_child "$supervisor"; }
"$GRANARY" upgrade mnt --program "$next" --only-worker >upgraded 2>&1 &
upgrade=$!
until_true 20 stopped_worker
waiting=$(stopped_worker)
for text in two three; do
  echo "$text, and longer" >source/changed
  rm -f source/dir/removed
  echo "$text" >"source/dir/$text"
  "$GRANARY" publish repo source
  "$GRANARY" remount mnt >said
  expect_equal "$(cat mnt/changed)" "$text, and longer"
done
expect_equal "$(ask worker_pid)" "$first"
wanted=$(ask snapshot)
kill -CONT "$waiting"
wait $upgrade || fail "$(cat upgraded)"
expect_equal "$(ask worker_pid)" "$waiting"

expect_the_newest() {
  expect_equal "$(ask snapshot)" "$wanted" "$1"
  same_tree source mnt
  echo 3 >/proc/sys/vm/drop_caches
  same_tree source mnt
  expect_equal "$($PYTHON -c 'import os; print(os.pread(5, 100, 0).decode(), end="")')" one "$1"
}
expect_the_newest "after the upgrade"

# A worker after that.
kill -9 "$waiting"
until_true 20 stopped_worker
kill -CONT "$(stopped_worker)"
served_by_another() { [ "$(ask worker_pid)" != "$waiting" ]; }
until_true 20 served_by_another
expect_the_newest "after a death"
exec 5<&-
"$GRANARY" umount mnt
