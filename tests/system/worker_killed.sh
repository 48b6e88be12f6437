# The process that answers a mount is killed, in every way and again and again, while everybody goes on: readers that
# checksum every file, an open file, a directory listed by half, a working directory, a mapped file, a running program.
# Once as this kernel can, which sends requests again, and once as one before Linux 6.9, from the table.
# needs: root fuse
# timeout: 240

mkdir -p source/deep/er source/many mnt
for i in $(seq 1 2000); do echo "file $i" >"source/many/$i"; done
head -c 3000000 /dev/urandom >source/large
echo "where I am" >source/deep/er/here
cp "$(command -v sleep)" source/sleep
(cd source && find . -type f -print0 | sort -z | xargs -0 sha256sum) >sums
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source

worker() { "$GRANARY" stat mnt --json >stat.json && json worker_pid stat.json; }
replaced() { [ "$(worker)" != "$1" ] 2>/dev/null; }
# The kernel keeps what it has read: only without that are there requests.
forget() { echo 3 >/proc/sys/vm/drop_caches; }

cat >holds.py <<'END2'
# Holds a file, a directory, a working directory and a mapping of the mount, and looks at them each time it is told to.
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
os.chdir("mnt/deep/er")
fd = os.open("../../large", os.O_RDONLY)
mapped = mmap.mmap(os.open("../../large", os.O_RDONLY), 0, prot=mmap.PROT_READ)
truth = open(sys.argv[1], "rb").read()
entries = os.scandir("../../many")
names = {next(entries).name for _ in range(10)}
step = 0
print("ready", flush=True)
for line in sys.stdin:
    step += 1
    offset = step * 200000
    assert os.pread(fd, 4096, offset) == truth[offset : offset + 4096], "open file"
    assert mapped[offset + 8192 : offset + 8202] == truth[offset + 8192 : offset + 8202], "mapping"
    assert open("here").read() == "where I am\n", "working directory"
    print("ok", step, flush=True)
names |= {entry.name for entry in entries}
assert names == {str(i) for i in range(1, 2001)}, "directory"
print("whole", flush=True)
END2

go_through_it() {
  local supervisor before holder signal
  "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log -o suid
  before=$(worker)
  supervisor=$(json supervisor_pid stat.json)
  [ "$supervisor" != "$before" ] || fail "no supervisor"
  background mnt/sleep 1000
  local program=$started
  mkfifo ask
  $PYTHON holds.py "$WORK/source/large" <ask >held 2>&1 &
  holder=$!
  exec 8>ask
  until_true 5 grep -q ready held

  local round=0
  for signal in KILL SEGV ABRT KILL BUS; do
    round=$((round + 1))
    forget
    (cd mnt && sha256sum --quiet -c ../sums) >summed 2>&1 &
    local reader=$!
    before=$(worker)
    kill -$signal "$before"
    echo >&8
    until_true 10 grep -q "ok $round" held
    wait $reader || fail "a reader failed when the worker got $signal: $(head -3 summed)"
    until_true 5 replaced "$before"
  done
  # Many times while one reader runs.
  forget
  (cd mnt && sha256sum --quiet -c ../sums) >summed 2>&1 &
  local reader=$!
  for _ in 1 2 3; do
    before=$(worker)
    kill -9 "$before"
    until_true 10 replaced "$before"
  done
  wait $reader || fail "a reader failed under many kills: $(head -3 summed)"

  # Out of memory, in a control group of its own.
  local deaths=8 group=/sys/fs/cgroup/memory/granary-test-$$
  if mkdir "$group" 2>/dev/null; then
    before=$(worker)
    echo "$before" >"$group/cgroup.procs"
    echo 65536 >"$group/memory.limit_in_bytes"
    forget
    (cd mnt && sha256sum --quiet -c ../sums) >summed 2>&1 || fail "a reader failed without memory: $(head -3 summed)"
    if replaced "$before"; then deaths=9; else echo "note: this kernel's control groups killed nobody"; fi
    rmdir "$group" 2>/dev/null || true
  fi

  # With nothing but the cache: no server, no head, no trust file.
  mv repo away
  mv trust away-trust
  before=$(worker)
  kill -9 "$before"
  until_true 10 replaced "$before"
  deaths=$((deaths + 1))
  forget
  (cd mnt && sha256sum --quiet -c ../sums) || fail "the next worker needed the server"
  mv away repo
  mv away-trust trust

  exec 8>&-
  wait $holder || fail "what was held is lost: $(cat held)"
  grep -q whole held || fail "the directory was not listed to its end"
  kill -0 $program || fail "the program from the mount has died"
  stop $program
  worker >/dev/null
  expect_equal "$(json supervisor_pid stat.json)" "$supervisor"
  expect_equal "$(json restarts stat.json)" $deaths
  expect_equal "$(json last_restart.cause stat.json)" "signal 9 (Killed)"
  grep -q 'worker died' mount.log || fail "the log does not tell"
  grep -q "mount goes on.*resent=$1" mount.log || fail "requests were not resent=$1"
  "$GRANARY" umount mnt
  ended "$supervisor" || fail "the supervisor has outlived the mount"
  ended "$(json worker_pid stat.json)" || fail "the worker has outlived the mount"
  rm -f ask held mount.log
}

resends=no
[ "$(printf '6.9\n%s\n' "$(uname -r)" | sort -V | first)" != 6.9 ] || resends=yes
go_through_it $resends
export GRANARY_NO_RESEND=1
go_through_it no
