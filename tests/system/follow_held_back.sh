# A head that must not be followed: withdrawn, expired, without the branch. The mount stays where it is, says why, and
# goes on when the repository is well again.
# needs: root fuse nginx

mkdir source mnt
echo one >source/file
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >published
start_nginx repo
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log --follow 3600
first=$(json snapshot <("$GRANARY" stat mnt --json))

# expect_held_back STATUS WORD: a look fails with STATUS, the content stays, stat and the log tell why.
expect_held_back() {
  expect_fail "$1" "$GRANARY" remount mnt
  expect_said "$2"
  expect_equal "$(cat mnt/file)" one
  "$GRANARY" stat mnt --json >stat.json
  expect_equal "$(json snapshot stat.json)" "$first"
  json following.held_back_by stat.json >why
  grep -q "$2" why || fail "stat says: $(cat why)"
  grep -q "$2" mount.log || fail "not in the log"
}

# The newest snapshot is withdrawn before anybody has seen it.
echo two >source/file
"$GRANARY" publish repo source --json >published
"$GRANARY" withdraw repo "$(json snapshot published)" --reason "it bites" >said
expect_held_back 7 "it bites"
echo three >source/file
"$GRANARY" publish repo source >said
"$GRANARY" remount mnt >said
expect_equal "$(cat mnt/file)" three

# What is mounted itself is withdrawn: it stays mounted.
third=$(json snapshot <("$GRANARY" stat mnt --json))
"$GRANARY" withdraw repo "$third" --reason "this one too" >said
"$GRANARY" remount mnt >said 2>&1 || true
expect_equal "$(cat mnt/file)" three
echo one >source/file
"$GRANARY" publish repo source >said
"$GRANARY" remount mnt >said
first=$(json snapshot <("$GRANARY" stat mnt --json))

# A timestamp that nobody renewed.
"$GRANARY" renew repo --validity 1s >said
echo four >source/file
"$GRANARY" publish repo source >said
sleep 2  # until it has expired
expect_held_back 8 "expired"
"$GRANARY" renew repo --validity 7d >said
"$GRANARY" remount mnt >said
expect_equal "$(cat mnt/file)" four

# The branch is gone.
"$GRANARY" branch repo other main >said
"$GRANARY" branch repo --delete main >said
echo four >one
first=$(json snapshot <("$GRANARY" stat mnt --json))
expect_fail 4 "$GRANARY" remount mnt
expect_said "main"
expect_equal "$(cat mnt/file)" four
