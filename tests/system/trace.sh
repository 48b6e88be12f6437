# Operations can be traced at any time, and what was traced can be read after the worker was killed and the mount is gone.
# needs: root fuse

mkdir source
echo hello >source/greeting
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
mkdir mnt
"$GRANARY" mount "$PWD/repo" mnt --trust trust --cache cache --state state --log "$PWD/log"

expect_fail 4 "$GRANARY" trace mnt
expect_said "granary trace --start"
"$GRANARY" trace --start mnt
cat mnt/greeting
! cat mnt/nothing 2>/dev/null
"$GRANARY" trace --stop mnt
! cat mnt/later 2>/dev/null
"$GRANARY" trace mnt >text
grep -qE ' lookup +(hit|miss) .* nothing$' text || fail "no lookup: $(cat text)"
grep -q ' lookup .* ENOENT .* nothing$' text || fail "no answer: $(cat text)"
grep -qE ' read .* bytes 0\+' text || fail "no read: $(cat text)"
grep -q later text && fail "traced though it was off"
"$GRANARY" trace mnt --operations read --json >reads
$PYTHON -c 'import json, sys
reads = [json.loads(line) for line in open("reads")]
assert reads and all(each["operation"] == "read" for each in reads), reads
assert reads[0]["result"] == 6 and reads[0]["duration_ns"] > 0 and reads[0]["inode"] > 0, reads'
expect_fail 3 "$GRANARY" trace mnt --operations nonsense

# After the worker was killed: what it had noted is kept.
"$GRANARY" trace --start mnt
! cat mnt/before-the-kill 2>/dev/null
"$GRANARY" stat mnt --json >stat.json
kill -9 "$(json worker_pid stat.json)"
mine=/run/granary/trace.$(printf '%s' "$PWD/mnt" | sha256sum | cut -c1-12)
until_true 40 test -s "$mine.old"
old=$mine.old
"$GRANARY" trace "$old" | says before-the-kill || fail "the trace of the worker that was killed is gone"
[ "$(stat -c %a "$old")" = 600 ] || fail "others may read it"

# After the mount is gone.
until_true 40 "$GRANARY" trace --start mnt
! cat mnt/at-the-end 2>/dev/null
"$GRANARY" umount mnt
"$GRANARY" trace mnt | says at-the-end || fail "nothing is left after unmounting"
rm -f "$old" "${old%.old}"
expect_fail 6 "$GRANARY" trace trust

# A new program that fails before it is its turn leaves the trace alone.
GRANARY_CRASH_AT=snapshot-taken-over "$GRANARY" mount "$PWD/repo" mnt --trust trust --cache cache --state state --log "$PWD/log"
"$GRANARY" trace --start mnt
! cat mnt/before-the-upgrade 2>/dev/null
expect_fail 30 "$GRANARY" upgrade mnt
expect_said "the old one goes on"
! cat mnt/after-the-upgrade 2>/dev/null
"$GRANARY" trace mnt >text
grep -q before-the-upgrade text && grep -q after-the-upgrade text || fail "not all is traced: $(cat text)"
[ ! -e "$old" ] || fail "the trace was put aside"
"$GRANARY" umount mnt
rm -f "$mine"

# What was never used goes with the mount.
"$GRANARY" mount "$PWD/repo" mnt --trust trust --cache cache --state state --log "$PWD/log"
[ -e "$mine" ] || fail "there is nothing to trace into"
"$GRANARY" umount mnt
until_true 5 test ! -e "$mine"
