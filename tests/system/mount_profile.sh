# A profile is recorded on a live mount, attached, and fetched ahead by the next mount before anybody reads; whatever is
# wrong with one, the mount goes on without it.
# needs: root fuse nginx
# timeout: 300

mkdir -p tree/bin tree/lib tree/doc mnt
for i in 1 2 3 4 5 6 7 8; do
  head -c 150000 /dev/urandom >tree/lib/$i
  head -c 150000 /dev/urandom >tree/doc/$i
done
head -c 900000 /dev/urandom >tree/bin/tool
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>said
"$GRANARY" publish repo tree --json >first
start_nginx repo

mount_fresh() {  # OPTIONS...: a mount that knows nothing
  rm -rf cache state
  "$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log "$WORK/mount.log" "$@"
}
stat_of() { json "$1" <("$GRANARY" stat --json mnt); }
state_is() { [ "$(stat_of profile.state)" = "$1" ]; }

# ---- recorded: in order of first touch, for nobody else's eyes, the command's status passed on
mount_fresh
expect_equal "$(stat_of profile)/$(stat_of recording)" None/None
"$GRANARY" profile record --mount mnt --output boot.trace -- \
  sh -c 'ls mnt/bin && cat mnt/lib/3 mnt/lib/1 && head -c 1000 mnt/bin/tool' >read 2>said
expect_equal "$(sha256sum <read)" "$({ echo tool; cat tree/lib/3 tree/lib/1; head -c 1000 tree/bin/tool; } | sha256sum)"
grep -q "granary profile attach" said || fail "record does not say how to go on: $(cat said)"
expect_equal "$(stat -c %a boot.trace)" 600
expect_equal "$("$GRANARY" profile show boot.trace | sed -n 's|^ */\([^ ]*\)$|\1|p' | tr '\n' ' ')" " bin/ lib/ lib/3 lib/1 bin/tool "
expect_equal "$(stat_of recording)" None

cp boot.trace kept.trace
expect_fail 9 "$GRANARY" profile record --mount mnt --output boot.trace -- true
expect_fail 4 "$GRANARY" profile record --mount mnt --output boot.trace --force -- ./no-such-program
cmp boot.trace kept.trace
expect_fail 42 "$GRANARY" profile record --mount mnt --output failed.trace -- sh -c 'cat mnt/lib/4 >read; exit 42'
expect_said "warning: the command failed"
"$GRANARY" profile show failed.trace | says -F /lib/4 || fail "a failed command leaves no trace"
expect_fail 143 "$GRANARY" profile record --mount mnt --output ended.trace -- sh -c 'kill $$'
expect_fail 4 "$GRANARY" profile record --mount tree --output other.trace -- true

# On a live mount; one recording at a time; stat tells.
"$GRANARY" profile start mnt >said
expect_fail 11 "$GRANARY" profile start mnt
expect_said "stop it first"
expect_fail 11 "$GRANARY" profile record --mount mnt --output other.trace -- true
[ ! -e other.trace ] || fail "a trace of a recording that was refused"
echo 3 >/proc/sys/vm/drop_caches
cat mnt/lib/7 >read
"$GRANARY" stat mnt | says "^recording" || fail "stat does not show the recording"
expect_equal "$(stat_of recording.files)" 1
"$GRANARY" profile stop mnt --output live.trace --json >stopped
expect_equal "$(json files stopped)/$(json truncated stopped)" 1/false
expect_fail 4 "$GRANARY" profile stop mnt --output live2.trace
"$GRANARY" umount mnt

# ---- replayed: what it names is here before anybody reads, and readable when the server is gone
"$GRANARY" profile attach repo main boot.trace --name boot --json >attached
mount_fresh --profile boot
until_true 20 state_is done
expect_equal "$(stat_of operations.reads)" 0
expect_equal "$(stat_of profile.failed.objects)/$(stat_of profile.stale)/$(stat_of profile.limited)" 0/false/false
expect_equal "$(stat_of profile.replayed.objects)" "$(json objects attached)"
expect_equal "$(stat_of profile.recorded_on)" "$(json snapshot first)"
used=$(stat_of profile.used.objects)
stop "$nginx_process"
cmp mnt/lib/3 tree/lib/3
cmp mnt/lib/1 tree/lib/1
cmp -n 1000 mnt/bin/tool tree/bin/tool
expect_equal "$(ls mnt/bin)" tool
expect_equal "$(stat_of operations.failures)" 0
[ "$(stat_of profile.used.objects)" -gt "$used" ] || fail "nothing counts as used"
expect_fail 1 cat mnt/doc/5
"$GRANARY" stat mnt | says "nobody uses" || fail "stat does not tell what nobody uses"
"$GRANARY" umount mnt

# What nobody uses is reported: another mount, nothing read.
start_nginx repo
mount.granary "$url" "$PWD/mnt" -o "trust=$PWD/trust,cache=$PWD/fresh,state=$PWD/state,log=$WORK/mount.log,profile=boot"
until_true 20 state_is done
[ "$(stat_of profile.unused.bytes)" -gt 300000 ] || fail "unused: $(stat_of profile.unused.bytes) bytes"
"$GRANARY" umount mnt

# ---- larger than its limit: the beginning
mount_fresh --profile boot --profile-limit 500K
until_true 20 state_is done
expect_equal "$(stat_of profile.limited)" true
[ "$(stat_of profile.replayed.bytes)" -le 512000 ] || fail "replayed $(stat_of profile.replayed.bytes) bytes"
[ "$(stat_of profile.fetched.objects)" -gt 0 ] || fail "nothing was fetched"
grep -q "profile larger than its limit.*profile-limit" mount.log || fail "the log does not tell of the limit"
"$GRANARY" umount mnt

# ---- carried over to the next snapshot: what has not changed
head -c 150000 /dev/urandom >tree/lib/3
"$GRANARY" publish repo tree --json >second
mount_fresh --profile boot
until_true 20 state_is done
expect_equal "$(stat_of profile.recorded_on)" "$(json snapshot first)"
expect_equal "$(stat_of profile.attached_to)" "$(json snapshot second)"
stop "$nginx_process"
cmp mnt/lib/1 tree/lib/1
expect_fail 1 cat mnt/lib/3
start_nginx repo
"$GRANARY" umount mnt

# ---- not there, not to be believed: the mount goes on, the log says what to do
refused() {  # STATE WORDS
  until_true 20 state_is "$1"
  grep "profile not replayed" mount.log | tail -1 >said
  expect_said "$2"
  expect_said "remedy="
  cmp mnt/lib/1 tree/lib/1
  expect_equal "$(stat_of profile.fetched.objects)" 0
  "$GRANARY" umount mnt
}
mount_fresh --profile desktop
refused missing "it has boot"
expect_fail 2 "$GRANARY" mount "$url" mnt --trust trust --profile ../boot
expect_fail 2 "$GRANARY" mount "$url" mnt --trust trust --profile boot --profile-limit much

cp -r repo honest
$PYTHON -B "$SUPPORT/forge_profile.py" repo keys signature
mount_fresh --profile boot
refused refused "that can be believed"
rm -r repo && cp -r honest repo
$PYTHON -B "$SUPPORT/forge_profile.py" repo keys repository
mount_fresh --profile boot
refused refused "is for repository 11111111"
rm -r repo && cp -r honest repo

plan=$("$GRANARY" profile show repo main boot --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["plan"])')
rm "repo/objects/${plan:0:2}/${plan:2}"
mount_fresh --profile boot
refused refused "cannot read the plan"
