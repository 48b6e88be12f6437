# The log never makes a reader wait: not on a full disk, not at a FIFO that nobody reads, not on a file system that
# hangs; it rotates, follows logrotate, and speaks to the journal.
# needs: root fuse bindfs
# timeout: 300

mkdir source
for i in $(seq 30); do head -c 40000 /dev/urandom >"source/file$i"; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
mkdir mnt

mount_logging_to() {
  "$GRANARY" mount "$PWD/repo" mnt --trust trust --cache "cache.$RANDOM" --state state --verbose --log "$@"
}
# Everything can be read and listed, at once, whatever the log does.
everything_is_there() { timeout 20 diff -r source mnt; }

# Reads that fail make lines: an object that is not there.
lose_objects() { mv repo/objects objects.kept; mkdir repo/objects; }
find_objects() { rmdir repo/objects; mv objects.kept repo/objects; }
fail_to_read() {
  local i
  for i in $(seq 6); do ! timeout 20 cat "mnt/file$i" >/dev/null 2>&1 || fail "file$i could be read"; done
}

# A file: one line each, with its time; as JSON where that is wanted.
mount_logging_to "$PWD/mount.log"
everything_is_there
"$GRANARY" umount mnt
grep -qE '^20[0-9-]+T[0-9:.]+Z info mounted repository=sw.example.org ' mount.log || fail "no line: $(cat mount.log)"
grep -q ' info unmounted ' mount.log
mount_logging_to "$PWD/json.log" --log-format json
"$GRANARY" umount mnt
$PYTHON - json.log <<'END'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [line["event"] for line in lines] == ["mounted", "unmounted"], lines
assert lines[0]["level"] == "info" and lines[0]["repository"] == "sw.example.org" and lines[0]["time"].endswith("Z")
END

# Rotation by size, and by somebody else.
mount_logging_to "$PWD/small.log" --log-rotate 1K:2
ls mnt >/dev/null
lose_objects
fail_to_read
find_objects
[ -s small.log.1 ] || fail "nothing was rotated: $(ls -l small.log*)"
[ ! -e small.log.3 ] || fail "too many old files"
mv small.log moved.log
sleep 1.1
"$GRANARY" umount mnt
grep -q ' info unmounted ' small.log || fail "the log did not follow: $(ls -l small.log moved.log)"

# A FIFO that nobody reads.
mkfifo fifo
mount_logging_to "$PWD/fifo"
everything_is_there
"$GRANARY" umount mnt

# A full disk.
mkdir full
mount -t tmpfs -o size=64k none full
mount_logging_to "$PWD/full/log"
head -c 1000000 /dev/zero >full/filler 2>/dev/null || true
everything_is_there
timeout 10 "$GRANARY" stat mnt >/dev/null
timeout 20 "$GRANARY" umount mnt
umount full

# A file system that hangs.
mkdir below above
background bindfs -f below above
hanging=$started
until_true 10 is_mounted above
mount_logging_to "$PWD/above/log"
ls mnt >/dev/null
kill -STOP "$hanging"
lose_objects
fail_to_read  # makes lines that cannot be written
find_objects
until_true 60 everything_is_there  # failures are remembered for a while
timeout 10 "$GRANARY" stat mnt >stat || fail "stat waits for the log"
timeout 20 umount mnt
is_mounted mnt && fail "still mounted"
kill -CONT "$hanging"
stop "$hanging"

# The journal, in its own protocol, and the system log.
$PYTHON - journal <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("socket")
s.settimeout(20)
for name in ("journal", "syslog"):
    open(name, "wb").write(s.recv(65536))
END
listener=$!
until_true 10 test -S socket
mount_logging_to "journal:$PWD/socket"
until_true 10 test -s journal
grep -qx 'PRIORITY=6' journal
grep -qx 'SYSLOG_IDENTIFIER=granary-mount' journal
grep -qx 'GRANARY_REPOSITORY=sw.example.org' journal
grep -q '^MESSAGE=mounted repository=sw.example.org' journal
"$GRANARY" umount mnt
wait $listener || true
expect_fail 4 mount_logging_to "journal:$PWD/nowhere"
expect_said "no journal"
