# What waits too long is told once: operation, path, object, for how long; on a server that stalls, and on a cache disk
# that hangs. granary stat and metrics answer meanwhile.
# needs: root fuse bindfs

mkdir source
for i in 1 2 3 4; do head -c 300000 /dev/urandom >"source/file$i"; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
start_serve repo
mkdir mnt
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log "$PWD/log" --watchdog 1s
ls -l mnt >/dev/null

# A server that says nothing.
kill -STOP "$serve_process"
background cat mnt/file1
reader=$started
until_true 20 grep -q 'warn stalled .*operation=read .*path=/file1 .*waits_for="an object" .*object=[0-9a-f]* .*source=' log
"$GRANARY" stat mnt --json >stat.json
expect_equal "$(json stalls.now.0.operation stat.json)" read
expect_equal "$(json stalls.now.0.path stat.json)" /file1
"$GRANARY" stat mnt | says '^stalls  *[1-9]' || fail "stat does not show it: $("$GRANARY" stat mnt)"
"$GRANARY" metrics mnt | says '^granary_stalled{.*} [1-9]' || fail "metrics do not show it"
kill -CONT "$serve_process"
wait "$reader"
until_true 20 grep -q 'info stall over .*path=/file1' log
told=$(grep -c 'warn stalled .*path=/file1' log)
[ "$told" -le 8 ] || fail "told $told times"  # the kernel reads ahead: each request once
"$GRANARY" umount mnt

# A cache disk that hangs: the requests, the threads that write, and whoever asks.
mkdir below above
background bindfs -f below above
disk=$started
until_true 10 is_mounted above
"$GRANARY" mount "$url" mnt --trust trust --cache above/cache --state state --log "$PWD/log2" --watchdog 1s
cat mnt/file1 >/dev/null
kill -STOP "$disk"
background cat mnt/file2 mnt/file3
reader=$started
until_true 20 grep -q 'warn stalled .*seconds=' log2
timeout 10 "$GRANARY" metrics mnt >metrics || fail "metrics wait for the disk"
grep -q '^granary_up{.*} 1' metrics || fail "no answer: $(cat metrics)"
kill -CONT "$disk"
wait "$reader"
until_true 20 grep -q 'info stall over' log2
"$GRANARY" umount mnt
