# A shell in a snapshot: everything can be changed, nothing lasts, nothing is left, however it ends.
# needs: root fuse busybox setpriv
# timeout: 120

mkdir -p tree/bin tree/etc tree/root tree/opt
cp "$(command -v busybox)" tree/bin/busybox
for name in sh ls cat touch rm mkdir id mount hostname sleep test ps tty readlink; do ln -s busybox tree/bin/$name; done
echo original >tree/etc/motd
echo old >tree/etc/resolv.conf
"$GRANARY" init repo --name sw.example.org --keys keys >trust.json 2>/dev/null
"$GRANARY" publish repo tree >/dev/null
chmod -R a+rX repo tree "$WORK"
shell() { "$GRANARY" shell repo --cache "$WORK/cache" "$@" 2>shell.err; }
quiet() { ! grep -q " $WORK" /proc/self/mountinfo; }  # other cases mount, too
mkdir scratch
export TMPDIR=$WORK/scratch

# Its own world.
expect_equal "$(shell -- cat /etc/motd)" original
expect_equal "$(shell -- sh -c 'echo changed >/etc/motd; rm -r /opt; cat /etc/motd')" changed
expect_equal "$(shell -- sh -c 'cat /etc/motd; test -d /opt && echo there')" "original
there"
expect_equal "$(shell -- hostname)" granary
expect_equal "$(shell -- cat /etc/resolv.conf)" "$(cat /etc/resolv.conf)"
expect_equal "$(shell -- sh -c 'echo x >/dev/null && ls /dev/pts /sys/kernel /run /tmp >/dev/null && id -u')" 0
[ "$(shell -- sh -c 'ls -d /proc/[0-9]* | cat' | wc -l)" -lt 12 ] || fail "it sees this machine's processes"
expect_equal "$(shell -- readlink /proc/1/root)" /
quiet || fail "a mount is left: $(cat /proc/self/mountinfo)"

# The status is the command's.
expect_fail 7 shell -- sh -c 'exit 7'
expect_fail 127 shell -- /no/such/program
expect_fail 137 shell -- sh -c 'kill -9 $$'
expect_fail 4 "$GRANARY" shell repo --snapshot nowhere -- true
expect_fail 3 "$GRANARY" shell repo --bind /etc -- true
expect_fail 4 "$GRANARY" shell repo --bind /no/such:/x -- true

# What is bound is shown; what is kept is there the next time.
mkdir shown && echo hello >shown/file
expect_equal "$(shell --bind shown:/shown -- sh -c 'cat /shown/file; echo new >/shown/new')" hello
expect_equal "$(cat shown/new)" new
expect_fail 1 shell --bind shown:/shown:ro -- touch /shown/other
shell --keep kept -- sh -c 'echo mine >/etc/mine'
expect_equal "$(shell --keep kept -- cat /etc/mine)" mine
[ -f kept/upper/etc/mine ] || fail "not kept: $(find kept)"
expect_equal "$(shell -- ls /etc)" "motd
resolv.conf"

# At a terminal it is a shell like any other: with a terminal, jobs, and an end.
$PYTHON - "$GRANARY" "$WORK/cache" >typed <<'END'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], ["granary", "shell", "repo", "--cache", sys.argv[2]])
os.write(terminal, b"tty; sleep 0.1 & wait; echo do''ne; exit 3\n")
said = b""
while True:
    try:
        said += os.read(terminal, 65536)
    except OSError:
        break
print(said.decode(), "status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
END
for wanted in /dev/console done "status 3"; do
  grep -q "$wanted" typed || fail "without '$wanted' at a terminal: $(cat typed)"
done

# Killed at any moment, it leaves nothing.
for _ in 1 2 3; do
  "$GRANARY" shell repo --cache "$WORK/cache" -- sh -c 'echo up; sleep 6174' >killed.out 2>/dev/null &
  victim=$!
  until_true 20 grep -q up killed.out
  kill -9 $victim
  wait $victim 2>/dev/null || true
  until_true 10 sh -c '! pgrep -f "sleep 617[4]"'
done
until_true 10 quiet
expect_equal "$(ls scratch)" ""
until_true 10 sh -c "! pgrep -f \"granary-moun[t].*$WORK/repo\""

# An ordinary user, where the kernel lets them.
if setpriv --reuid=65534 --regid=65534 --clear-groups unshare -U -r -m true 2>/dev/null; then
  mkdir user && chown 65534:65534 user
  cat >user.sh <<END
[ -e fuse ] || mknod fuse c 10 229; chmod 666 fuse && mount --bind fuse /dev/fuse
exec setpriv --reuid=65534 --regid=65534 --clear-groups env -i HOME=$WORK/user TMPDIR=$WORK/user PATH="$PATH" \
  "$GRANARY" shell repo --trust trust.json "\$@"
END
  user() { unshare -m --propagation private bash -euo pipefail user.sh "$@"; }
  chmod a+r trust.json
  expect_equal "$(user -- sh -c 'id -u; echo changed >/etc/motd; cat /etc/motd')" "0
changed"
  expect_fail 5 user -- sh -c 'exit 5'
fi
