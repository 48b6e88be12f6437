# A probe says whether mounts answer, and never hangs itself.
# needs: root fuse

mkdir source
echo hello >source/greeting
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
start_serve repo
mkdir mnt
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log "$PWD/log"

"$GRANARY" probe mnt --json >probe.json
expect_equal "$(json 0.outcome probe.json)" ok
expect_equal "$(json 0.checks.4.name probe.json)" read
"$GRANARY" probe mnt --nagios >said
grep -qx 'GRANARY OK - 1 mounts answer' said

# No source: a warning, because what is cached goes on.
stop "$serve_process"
"$GRANARY" probe mnt --json >probe.json
expect_equal "$(json 0.outcome probe.json)" warning
expect_equal "$(json 0.checks.1.name probe.json)" head
expect_fail 1 "$GRANARY" probe mnt --nagios
expect_said "GRANARY WARNING"

# A mount that hangs.
"$GRANARY" stat mnt --json >stat.json
worker=$(json worker_pid stat.json)
kill -STOP "$worker"
begin=$(date +%s)
expect_fail 1 "$GRANARY" probe mnt --timeout 2
expect_said "failed"
[ $(($(date +%s) - begin)) -lt 15 ] || fail "the probe hung"
expect_fail 2 "$GRANARY" probe mnt --nagios --timeout 2
expect_said "GRANARY CRITICAL"
timeout 20 "$GRANARY" stat >table
grep -q "no answer.*$PWD/mnt" table || fail "not in the table: $(cat table)"
timeout 60 "$GRANARY" bugreport -o hung.tar.gz 2>/dev/null
tar tzf hung.tar.gz >list
grep -q '/processes.txt$' list
kill -CONT "$worker"
until_true 10 "$GRANARY" probe mnt
"$GRANARY" stat | says " ok .*$PWD/mnt" || fail "not ok again"
"$GRANARY" umount mnt
expect_fail 4 "$GRANARY" probe mnt
