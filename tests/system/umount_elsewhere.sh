# A mount that another mount namespace has, too, ends with it, and unmounting says who that is; a namespace that follows
# ours, as those of shells and cooks do, holds nothing back.
# needs: root fuse unshare busybox

mkdir -p source/bin source/dev source/proc source/tmp mnt
cp "$(command -v busybox)" source/bin/busybox
for tool in sh cat; do ln -s busybox source/bin/$tool; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
mount_it() { "$GRANARY" mount repo mnt --trust trust --cache cache --state state && "$GRANARY" stat mnt --json >stat.json; }

mount_it
background unshare --mount --propagation private sleep 600
until_true 10 grep -qx sleep "/proc/$started/comm"
expect_fail 5 "$GRANARY" umount --timeout 1s mnt
expect_said "process $(json supervisor_pid stat.json) has not ended"
expect_said "by sleep (process $started, mount namespace)"
! is_mounted mnt || fail "it is still mounted here"
stop "$started"
until_true 10 ended "$(json supervisor_pid stat.json)"

# As systemd has it, mounts are shared with those who want to know.
cat >inside.sh <<'END'
. "$ROOT/tests/system/lib.sh"
mount() { "$GRANARY" mount repo mnt --trust trust --cache cache --state state; }
mount
mkfifo pipe
"$GRANARY" shell repo --cache "$WORK/shell" -- sh -c 'echo up; cat' <pipe >shell.out & shell=$!
exec 7>pipe
until_true 60 grep -q up shell.out
"$GRANARY" umount --timeout 20s mnt
exec 7>&-
wait $shell
END
unshare --mount --propagation shared bash -euo pipefail inside.sh
