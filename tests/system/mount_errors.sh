# What can be wrong with a mount is said in one line, with an exit status of its own, and leaves nothing behind.
# needs: root fuse unshare

mkdir source mnt
echo hello >source/file
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" init other --name other.example.org --keys other-keys >other-trust
"$GRANARY" publish repo source
"$GRANARY" publish other source
mkdir empty

options="--cache cache --state state --log mount.log"
refused() {
  local status=$1 text=$2
  shift 2
  expect_fail "$status" "$GRANARY" mount $options "$@"
  expect_said "$text"
  expect_equal "$(wc -l <said)" 1 "lines: $(cat said)"
  ! is_mounted mnt || fail "mounted all the same"
}

refused 14 "trust file" repo mnt --trust /no/such/file
refused 14 "not a trust file" repo mnt --trust source/file
refused 15 "use http://" gopher://sw.example.org mnt --trust trust
refused 15 "neither a URL nor a directory" /no/such/directory mnt --trust trust
refused 12 "no Granary repository" empty mnt --trust trust
refused 23 "" other mnt --trust trust
refused 4 "no branch" repo mnt --trust trust --branch nothing
refused 4 "no tag" repo mnt --trust trust --tag nothing
refused 4 "no branch, tag or snapshot" repo mnt --trust trust --snapshot 0000000
refused 4 "/no/such" repo mnt/no/such --trust trust
refused 3 "not a directory" repo source/file --trust trust
refused 5 "cannot reach" "http://127.0.0.1:$(free_port)" mnt --trust trust
expect_fail 2 "$GRANARY_MOUNT" repo mnt
expect_said "--trust"
expect_fail 2 "$GRANARY_MOUNT" --trust trust repo mnt -o frobnicate

# No /dev/fuse: a tmpfs over /dev.
expect_fail 13 unshare -m sh -c 'mount -t tmpfs none /dev && exec "$@"' sh "$GRANARY" mount $options repo mnt --trust trust
expect_said "/dev/fuse"

# A busy mount point, and a mount in use.
"$GRANARY" mount $options repo mnt --trust trust
expect_fail 11 "$GRANARY" mount $options repo mnt --trust trust
expect_said "granary umount"
background tail -f mnt/file
until_true 5 grep -q hello "$started_log"
expect_fail 11 "$GRANARY" umount mnt
expect_said "tail"
stop "$started"
"$GRANARY" umount mnt
expect_fail 4 "$GRANARY" umount mnt
expect_fail 4 "$GRANARY" stat mnt

# All its processes are killed: the dead mount is recognised, said to be dead, and cleared away by the next.
"$GRANARY" mount $options repo mnt --trust trust
"$GRANARY" stat mnt --json >stat.json
kill -9 "$(json supervisor_pid stat.json)" "$(json worker_pid stat.json)"
until_true 5 sh -c '! cat mnt/file'
expect_fail 5 "$GRANARY" stat mnt
expect_said "is gone"
"$GRANARY" mount $options repo mnt --trust trust
expect_equal "$(cat mnt/file)" hello

# SIGTERM unmounts; who still has a file open can read it to the end.
"$GRANARY" stat mnt --json >stat.json
exec 7<mnt/file
kill -TERM "$(json worker_pid stat.json)"
until_true 5 sh -c "! grep -q $WORK/mnt /proc/self/mountinfo"
expect_equal "$(cat <&7)" hello
exec 7<&-
until_true 10 ended "$(json worker_pid stat.json)"
