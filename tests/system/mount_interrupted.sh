# While a source does not answer: what is at hand goes on, whoever waits can leave at once, and what comes later is whole.
# needs: root fuse nginx

mkdir source mnt
echo "at hand" >source/fast
head -c 300000 /dev/urandom >source/slow
head -c 300000 /dev/urandom >source/slower
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_nginx repo
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log
expect_equal "$(cat mnt/fast)" "at hand"
ls -lR mnt >listing

web_server() { pgrep -P "$nginx_process"; }
kill -STOP $(web_server)
background cat mnt/slow
reader=$started
background cmp mnt/slower source/slower
other=$started
waits() { [ "$("$GRANARY" stat mnt --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["fetch"]["in_flight"])')" -ge 2 ]; }
until_true 5 waits

# A hit from the client's cache, not from the kernel's.
echo 1 >/proc/sys/vm/drop_caches
expect_equal "$(timeout 5 cat mnt/fast)" "at hand"
timeout 5 ls -lR mnt | cmp - listing
timeout 5 df mnt >said

kill -TERM "$reader"
until_true 3 ended "$reader"
kill -CONT $(web_server)
wait "$other" || fail "what came late is not whole"
cmp mnt/slow source/slow

# Unmounting does not wait for a source either.
echo 1 >/proc/sys/vm/drop_caches
"$GRANARY" umount mnt
rm -rf cache
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log
kill -STOP $(web_server)
background cat mnt/slow
reader=$started
until_true 5 sh -c "'$GRANARY' stat mnt --json | grep -q '\"in_flight\":[1-9]'"
kill -KILL "$reader"
until_true 3 ended "$reader"
timeout 10 "$GRANARY" umount mnt
kill -CONT $(web_server)
