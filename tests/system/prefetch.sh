# `prefetch` fetches a path of a mount, or a snapshot without a mount, so that it can be read when the server's objects
# are gone; says what could not be had; refuses what cannot fit; and stops when it is told to.
# needs: root fuse nginx

mkdir -p source/usr/lib source/usr/share source/opt mnt
for i in $(seq 20); do head -c 60000 /dev/urandom >source/usr/lib/lib-$i; done
echo shared >source/usr/share/notes
ln -s usr/lib source/lib
head -c 2000000 /dev/urandom >source/opt/large
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mount_it() { "$GRANARY" mount "$url" mnt --trust trust --state state --log mount.log "$@"; }

# A part of a mount, through a symbolic link even.
mount_it --cache cache
"$GRANARY" prefetch mnt/lib --json >out.json 2>progress
expect_equal "$(json paths.0.step out.json)" done
expect_equal "$(json paths.0.objects.done out.json)" "$(json paths.0.objects.total out.json)"
grep -q "mnt/lib: " progress || fail "no progress was shown: $(cat progress)"
mv repo/objects repo/away
for i in $(seq 20); do cmp source/usr/lib/lib-$i mnt/usr/lib/lib-$i; done
expect_fail 1 cat mnt/opt/large
expect_fail 5 "$GRANARY" prefetch mnt
expect_said "could not be had"
expect_said "missing /opt/large"
mv repo/away repo/objects
sleep 0.3  # a failure is remembered for a moment
"$GRANARY" prefetch mnt | says "^fetched mnt: "
stop "$nginx_process"
same_tree source mnt
expect_fail 4 "$GRANARY" prefetch "$WORK"
expect_said "not inside a mount of Granary"
expect_fail 4 "$GRANARY" prefetch mnt/nothing
"$GRANARY" umount mnt
start_nginx repo

# A snapshot without a mount: only the head is asked for afterwards.
"$GRANARY" prefetch "$url" --trust trust --cache warm --state state 2>/dev/null | says "^fetched /: "
mv repo/objects repo/away
mount_it --cache warm
same_tree source mnt
"$GRANARY" umount mnt
mv repo/away repo/objects

# A part of one.
"$GRANARY" prefetch "$url" --trust trust --cache part --state state --path usr/lib --path /usr/share 2>/dev/null
mv repo/objects repo/away
mount_it --cache part
cmp source/usr/lib/lib-7 mnt/usr/lib/lib-7
expect_equal "$(cat mnt/usr/share/notes)" shared
expect_fail 1 cat mnt/opt/large
"$GRANARY" umount mnt
mv repo/away repo/objects

# What cannot be: said at once.
before=$(grep -c opt nginx/access.log || true)
expect_fail 10 "$GRANARY" prefetch "$url" --trust trust --cache small --state state --quota 2M
expect_said "the cache's quota of 2.1 MB"
expect_said "--quota"
expect_fail 4 "$GRANARY" prefetch "$url" --trust trust --cache small --state state --path /etc
expect_fail 4 "$GRANARY" prefetch "$url" --trust trust --cache small --state state --tag v9
expect_fail 14 "$GRANARY" prefetch "$url"
expect_fail 2 "$GRANARY" prefetch mnt --tag v1
expect_fail 3 "$GRANARY" prefetch "$url" --trust trust --quota lots

# Ctrl-C: the job ends, in the mount too, and what has arrived stays.
stop "$nginx_process"
NGINX_SERVER="limit_rate 20k;" start_nginx repo
mount_it --cache slow
background "$GRANARY" prefetch mnt
watched=$started
until_true 10 grep -q fetching "$started_log"
kill -INT "$watched"
status=0
wait "$watched" || status=$?
expect_equal "$status" 5 "$(cat "$started_log")"
grep -q stopped "$started_log" || fail "it does not say that it was stopped: $(cat "$started_log")"
timeout 5 "$GRANARY" umount mnt
