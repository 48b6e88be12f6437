# A worker that is killed in the middle of a switch is followed by one that serves the same, without network, and lets
# the kernel forget once more; what was open of former snapshots goes on.
# needs: root fuse nginx
# timeout: 300

mkdir -p mnt
for point in switching switched forgotten; do
  rm -rf source repo keys cache state
  mkdir -p source/dir
  echo one >source/changed
  echo old >source/removed
  echo old >source/dir/removed
  "$GRANARY" init repo --name sw.example.org --keys keys >trust
  "$GRANARY" publish repo source
  start_nginx repo
  GRANARY_CRASH_AT=$point "$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log --follow 3600
  ask() { "$GRANARY" stat mnt --json >stat.json; json "$1" stat.json; }
  worker=$(ask worker_pid)
  cat mnt/changed mnt/removed mnt/dir/removed >said
  ls -lR mnt >said
  ! stat mnt/added mnt/dir/added 2>said || fail "there already"
  exec 5<mnt/changed

  echo two, and longer >source/changed
  rm source/removed source/dir/removed
  echo new >source/added
  echo new >source/dir/added
  "$GRANARY" publish repo source
  wanted=$("$GRANARY" stat repo --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["branches"]["main"]["snapshot"])')
  "$GRANARY" remount mnt >said 2>&1 || true  # nobody answers: the worker dies
  another() { [ "$(ask worker_pid)" != "$worker" ]; }
  until_true 10 another
  forgotten() { [ ! -e mnt/removed ] && [ ! -e mnt/dir/removed ] && [ -e mnt/added ] && [ -e mnt/dir/added ]; }
  until_true 10 forgotten
  expect_equal "$(ask snapshot)" "$wanted" "$point"
  same_tree source mnt
  cat <&5 >said

  # Once more, without network.
  stop "$nginx_process"
  worker=$(ask worker_pid)
  kill -KILL "$worker"
  until_true 10 another
  echo 3 >/proc/sys/vm/drop_caches
  same_tree source mnt
  expect_equal "$(stat -c %s mnt/changed)" 16
  expect_equal "$($PYTHON -c 'import os; print(os.pread(5, 100, 0).decode(), end="")')" one "$point"
  exec 5<&-
  expect_equal "$(ask following.held_back_by)" None
  "$GRANARY" umount mnt
done
