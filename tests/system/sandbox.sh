# The worker has no rights that it does not need: another user, or root without capabilities; no new privileges; files
# within Landlock; system calls within seccomp. The supervisor keeps the rights, and reads no foreign bytes.
# needs: root fuse unshare

mkdir source mnt log  # a log may be rotated: the worker has its directory
for i in $(seq 1 50); do head -c 20000 /dev/urandom >"source/$i"; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
chmod -R a+rX repo
mount_it() { "$GRANARY" mount "$@" mnt --trust trust --cache cache --state state --log log/mount.log; }
status_of() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$worker/status"; }
ask() { "$GRANARY" stat mnt --json >stat.json; worker=$(json worker_pid stat.json); }
owner() { stat -c %U "$1"; }

# Root's mount is answered by whom --user names, who owns cache and memory from then on.
mount_it repo --user nobody
ask
expect_equal "$(status_of Uid)" 65534
expect_equal "$(awk '$1 == "Groups:" { print NF }' "/proc/$worker/status")" 1 "supplementary groups are left"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do expect_equal "$(status_of $set)" 0000000000000000 $set; done
expect_equal "$(status_of NoNewPrivs)" 1
expect_equal "$(status_of Seccomp)" 2
expect_equal "$(json worker.user stat.json)" nobody
grep -q '"seccomp"' stat.json || fail "stat does not tell: $(cat stat.json)"
expect_equal "$(stat -c %u "/proc/$(json supervisor_pid stat.json)")" 0
cmp mnt/1 source/1
for place in cache state cache/objects; do expect_equal "$(owner $place)" nobody $place; done
[ -z "$(find cache state -user 0)" ] || fail "still root's: $(find cache state -user 0 | head -3)"

# A worker after it has the same rights, and no more.
kill -SYS "$worker"
before=$worker
until_true 10 sh -c "'$GRANARY' stat mnt --json | grep -q '\"restarts\":1'"
ask
[ "$worker" != "$before" ] || fail "not replaced"
expect_equal "$(status_of Uid)" 65534
expect_equal "$(status_of Seccomp)" 2
expect_equal "$(json last_restart.cause stat.json)" "signal 31 (Bad system call)"
cmp mnt/2 source/2
"$GRANARY" umount mnt

# What root's commands write there belongs to the worker as well.
"$GRANARY" prefetch repo --trust trust --cache cache --state state >said
[ -z "$(find cache state -user 0)" ] || fail "prefetch left files of root's: $(find cache state -user 0 | head -3)"
mount_it repo --user nobody
(cd mnt && sha256sum -- *) >sums
(cd source && sha256sum --quiet -c "$WORK/sums")
"$GRANARY" umount mnt

# Nobody named: the user granary, where there is one; here in a mount table of its own.
cp /etc/passwd passwd
getent passwd granary >said || echo "granary:x:65533:65533::/nonexistent:/usr/sbin/nologin" >>passwd
rm -rf cache state
cat >inside.sh <<'END2'
. "$ROOT/tests/system/lib.sh"
mount --bind passwd /etc/passwd
"$GRANARY" mount repo mnt --trust trust --cache cache --state state --log log/mount.log
"$GRANARY" stat mnt --json >stat.json
expect_equal "$(json worker.user stat.json)" granary
expect_equal "$(awk '$1 == "Uid:" { print $2 }' "/proc/$(json worker_pid stat.json)/status")" "$(id -u granary)"
cmp mnt/4 source/4
"$GRANARY" umount mnt
END2
unshare -m --propagation private bash -euo pipefail inside.sh

# Root itself, if wanted: without capabilities.
rm -rf cache state
mount_it repo --user root
ask
expect_equal "$(status_of Uid)" 0
expect_equal "$(status_of CapEff)" 0000000000000000
expect_equal "$(status_of Seccomp)" 2
cmp mnt/3 source/3
"$GRANARY" umount mnt

# Everybody's worker that no file outside is opened by: an object that is a link to one is not had.
if grep -q '"landlock"' stat.json; then
  rm -rf cache
  cp -a repo linked
  mkdir elsewhere
  for object in $(cd linked && find objects -type f); do
    mkdir -p "elsewhere/$(dirname "$object")"
    mv "linked/$object" "elsewhere/$object"
    ln -s "$WORK/elsewhere/$object" "linked/$object"
  done
  expect_fail 5 mount_it linked --user root
  expect_said "Permission denied"
  ! is_mounted mnt || fail "files outside of the repository were read"
fi

expect_fail 3 mount_it repo --user no-such-user
expect_said "no-such-user"
# A repository that the worker may not read is told of at once.
chmod 700 repo
expect_fail 16 mount_it repo --user nobody
expect_said "--user root"
