# A mirror is verified, resumes, is refused what is wrong, and never goes back.
# timeout: 300

"$GRANARY" init repo --name mirror.example.org --keys keys >/dev/null
trust=keys/mirror.example.org.trust
mkdir -p tree/etc
for i in 1 2 3; do
  head -c 700000 /dev/urandom >"tree/data-$i"
  echo "$i" >tree/etc/state
  "$GRANARY" publish repo tree --tag "v$i" >/dev/null
done
start_nginx repo

expect_fail 14 "$GRANARY" mirror "$url" copy
rm -rf copy
"$GRANARY" mirror "$url" copy --trust $trust --json >first.json
expect_equal "$(json revision first.json)" "$(json revision <("$GRANARY" check repo --json))"
"$GRANARY" check copy --deep
for object in $(cd repo && ls objects/*/*); do
  [ ! -e "copy/$object" ] || cmp "repo/$object" "copy/$object"
done
cmp repo/head.json copy/head.json
expect_equal "$("$GRANARY" cat copy /etc/state)" 3

# Again: nothing to do. After a publish: only what is new.
"$GRANARY" mirror "$url" copy --json >again.json
expect_equal "$(json copied_objects again.json)" 0
cp -r repo old
echo 4 >tree/etc/state
"$GRANARY" publish repo tree >/dev/null
"$GRANARY" mirror repo copy --json >next.json
expect_equal "$(json new_snapshots next.json)" 1
[ "$(json copied_bytes next.json)" -lt 400000 ] || fail "an update copied $(json copied_bytes next.json) bytes"
"$GRANARY" check copy --deep >/dev/null

# A source that is behind is refused, and the mirror stays.
expect_fail 20 "$GRANARY" mirror old copy
expect_equal "$("$GRANARY" cat copy /etc/state)" 4

# Publishing to a mirror is refused, and says why.
expect_fail 3 "$GRANARY" publish copy tree
expect_said "is a mirror"
# Another repository too.
"$GRANARY" init other --name other.example.org --keys other-keys >/dev/null
expect_fail 23 "$GRANARY" mirror other copy

# Killed on the way, it goes on.
status=0
GRANARY_CRASH_AT=mirror-settled:2 "$GRANARY" mirror repo resumed --trust $trust >/dev/null 2>&1 || status=$?
expect_equal $status 137
[ ! -e resumed/head.json ] || fail "a head before its objects"
GRANARY_CRASH_AT=mirror-before-swap "$GRANARY" mirror repo resumed >/dev/null 2>&1 || true
[ ! -e resumed/head.json ] || fail "a head before the swap"
"$GRANARY" mirror repo resumed --json >resumed.json
expect_equal "$(json copied_objects resumed.json)" 0
"$GRANARY" check resumed --deep >/dev/null

# A corrupt object of the source is refused by name; healed, the mirror completes.
large=$(ls -S repo/objects/*/* | first)
cp "$large" saved
printf 'X' | dd of="$large" bs=1 seek=5000 conv=notrunc status=none
expect_fail 6 "$GRANARY" mirror repo broken --trust $trust
expect_said "$(echo "${large#repo/objects/}" | tr -d /)"
[ ! -e broken/head.json ] || fail "a mirror of something corrupt has a head"
cp saved "$large"
"$GRANARY" mirror repo broken >/dev/null
"$GRANARY" check broken --deep >/dev/null

# A damaged mirror heals with --recheck.
large=$(ls -S copy/objects/*/* | first)
printf 'X' | dd of="$large" bs=1 seek=5000 conv=notrunc status=none
expect_fail 6 "$GRANARY" check copy --deep
"$GRANARY" mirror repo copy --recheck >/dev/null
"$GRANARY" check copy --deep >/dev/null

# Only a tag: the rest is absent on purpose.
"$GRANARY" mirror "$url" partial --trust $trust --tag v1 --json >partial.json
expect_equal "$(json snapshots partial.json)" 1
"$GRANARY" check partial --deep >said
grep -q "partial mirror" said || fail "check does not tell that the mirror is partial"
[ "$(du -s partial | cut -f1)" -lt "$(du -s copy | cut -f1)" ] || fail "a partial mirror is not smaller"
expect_fail 4 "$GRANARY" mirror "$url" none --trust $trust --tag v9
