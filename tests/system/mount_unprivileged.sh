# Everybody may mount: through fusermount3, for themselves, in directories of their own.
# needs: root fuse fusermount3 setpriv unshare

mkdir source
echo hello >source/file
chmod 644 source/file
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
chmod -R a+rX repo trust
mkdir user user/mnt user/run
chown -R 65534:65534 user
user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
user test -x "$GRANARY" || skip "others may not run $GRANARY"

# In a mount table of its own: a /dev/fuse that everybody may open, as it is on most machines.
mknod fuse c 10 229
chmod 666 fuse
cat >inside.sh <<'END'
. "$ROOT/tests/system/lib.sh"
as_user() {
  setpriv --reuid=65534 --regid=65534 --clear-groups env -i HOME="$WORK/user" XDG_RUNTIME_DIR="$WORK/user/run" PATH="$PATH" "$@"
}
mount --bind fuse /dev/fuse
as_user "$GRANARY" mount "file://$WORK/repo" user/mnt --trust trust
expect_equal "$(as_user cat user/mnt/file)" hello
expect_fail 1 cat user/mnt/file  # root is somebody else
as_user "$GRANARY" stat user/mnt --json >stat.json
expect_equal "$(json cache.dir stat.json)" "$WORK/user/.cache/granary/$(json repository stat.json)"
worker=$(json worker_pid stat.json)
expect_equal "$(stat -c %u "/proc/$worker")" 65534
grep -q " $WORK/user/mnt .*nosuid,nodev" /proc/self/mountinfo || fail "a user's mount without nosuid,nodev"
[ -S "$(echo user/run/granary/*[0-9].sock)" ] || fail "no control socket of the user's own"

# Swapped and killed like root's.
as_user "$GRANARY" upgrade user/mnt >upgraded
expect_equal "$(as_user cat user/mnt/file)" hello
as_user "$GRANARY" trace --start user/mnt
! as_user cat user/mnt/nothing 2>/dev/null
as_user "$GRANARY" trace user/mnt | says nothing || fail "nothing is traced"
before=$worker
as_user "$GRANARY" stat user/mnt --json >stat.json
worker=$(json worker_pid stat.json)
[ "$worker" != "$before" ] || fail "the worker is the same: $(cat upgraded)"
kill -KILL "$worker"
expect_equal "$(as_user cat user/mnt/file)" hello
as_user "$GRANARY" stat user/mnt --json >stat.json
worker=$(json worker_pid stat.json)
as_user "$GRANARY" umount user/mnt
! is_mounted user/mnt || fail "still mounted"
ended "$worker" || fail "process $worker has outlived its mount"
mount_as_user() { as_user "$GRANARY" mount "file://$WORK/repo" user/mnt --trust trust "$@"; }

# What is in the way is said, with what helps.
if ! grep -qs ^user_allow_other /etc/fuse.conf; then
  expect_fail 16 mount_as_user -o allow_other
  expect_said "user_allow_other"
fi
chmod 600 fuse
expect_fail 13 mount_as_user
expect_said "usually 666"
chmod 666 fuse
helper=$(realpath "$(command -v fusermount3)")
cp "$helper" fusermount3
chmod 755 fusermount3
mount --bind fusermount3 "$helper"
expect_fail 16 mount_as_user
expect_said "setuid"
umount "$helper"
touch nothing
mount --bind nothing "$helper"
expect_fail 13 mount_as_user
expect_said "fusermount3"
umount "$helper"
END
unshare -m --propagation private bash -euo pipefail inside.sh

# Root of a user namespace mounts by itself, without any helper.
cat >namespace.sh <<'END'
. "$ROOT/tests/system/lib.sh"
"$GRANARY" mount "file://$WORK/repo" user/mnt --trust trust --cache user/cache --state user/state --log user/mount.log
expect_equal "$(cat user/mnt/file)" hello
"$GRANARY" umount user/mnt
! is_mounted user/mnt || fail "still mounted"
END
cat >outside.sh <<'END'
mount --bind fuse /dev/fuse
exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$WORK/user" XDG_RUNTIME_DIR="$WORK/user/run" \
  unshare -U -r -m bash -euo pipefail namespace.sh
END
if user unshare -U -r true 2>/dev/null; then
  unshare -m --propagation private bash -euo pipefail outside.sh
fi
