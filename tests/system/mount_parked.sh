# Hundreds who ask for what a silent source has not told yet take no threads and hold up nobody; each can leave at once,
# and each gets the true answer when the source speaks again.
# needs: root fuse nginx

mkdir -p source mnt
$PYTHON - <<'END'
import os
for d in range(501):
    os.makedirs(f"source/d{d:03d}")
    for f in range(70):
        open(f"source/d{d:03d}/{f:02d}" + "a name that is long enough to fill pages, and then some" * 4, "w").close()
END
mkdir source/aaa
echo "at hand" >source/aaa/hit
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_nginx repo
web_server() { pgrep -P "$nginx_process"; }
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log
expect_equal "$(cat mnt/aaa/hit)" "at hand"
ask() { "$GRANARY" stat mnt --json >stat.json; json "$1" stat.json; }
worker=$(ask worker_pid)

kill -STOP $(web_server)
cat >readers.py <<'END'
# 500 processes look into a cold directory each; prints how many saw all of it.
import os, sys
children = []
for d in range(500):
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if len(os.listdir(f"mnt/d{d:03d}")) == 70 else 2)
        except OSError as error:
            print(d, error, flush=True)
            os._exit(1)
    children.append(child)
print(sum(os.waitpid(child, 0)[1] == 0 for child in children), flush=True)
END
background $PYTHON readers.py
readers=$started
readers_log=$started_log
waiting() { [ "$(ask operations.parked_lookups)" -ge 300 ]; }  # others share a part of the catalog that was at hand
until_true 20 waiting
threads=$(awk '/^Threads:/ { print $2 }' "/proc/$worker/status")
[ "$threads" -lt 120 ] || fail "$threads threads"

# Hits go on, from the client's cache rather than the kernel's.
for _ in 1 2 3; do
  echo 2 >/proc/sys/vm/drop_caches
  expect_equal "$(timeout 5 cat mnt/aaa/hit)" "at hand"
done
expect_fail 1 timeout 5 stat mnt/aaa/missing
expect_said "No such file"

# One who waits can leave at once. (Where two look up the same name, the kernel makes the second wait for the first.)
background ls mnt/d500
reader=$started
sleep 0.2
! ended "$reader" || fail "d500 is at hand: $(cat "$started_log")"
kill -TERM "$reader"
until_true 3 ended "$reader"

kill -CONT $(web_server)
wait "$readers" || fail "the readers ended with $?"
expect_equal "$(tail -1 "$readers_log")" 500 "$(head -3 "$readers_log")"
expect_equal "$(ls mnt/d500 | wc -l)" 70
timeout 5 "$GRANARY" umount mnt
