# A tree read over a link of 50 Mbit/s and 10 ms is the tree that was published, and the link says what it carried.
# needs: root fuse

oddities source
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_nginx repo
start_link --rate 50M --rtt 10ms
mkdir mnt
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log
same_tree source mnt
"$GRANARY" umount mnt
carried=$(link_carried down_bytes)
sent=$($PYTHON -c 'import re, sys
print(sum(int(re.search("\" [0-9]+ ([0-9]+) ", line)[1]) for line in open(sys.argv[1])))' "$WORK/nginx/access.log")
[ "$sent" -gt 0 ] && [ "$carried" -gt "$sent" ] || fail "the link carried $carried bytes, the server's bodies are $sent"
[ "$(link_carried connections)" -gt 0 ] || fail "no connection went through the link"

expect_fail 3 emulated-link --to nowhere
expect_said "HOST:PORT"
expect_fail 3 emulated-link --to "127.0.0.1:$port" --rate 0
expect_said "not a rate"
expect_fail 3 emulated-link --to "127.0.0.1:$port" --rtt 1h
expect_said "not a round trip"
expect_fail 11 emulated-link --to "127.0.0.1:$port" --listen "$port"
expect_said "somebody else"
status=0
kill -TERM "$link_process"
wait "$link_process" || status=$?
expect_equal "$status" 0 "after SIGTERM"
