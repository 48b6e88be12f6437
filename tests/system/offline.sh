# A snapshot by its id is mounted again while no server can be reached, from what the cache and the state directory
# keep: verified as if it had just come, soon, and it goes on when the network is back.
# needs: root fuse

mkdir source mnt
for name in one two three; do head -c 300000 /dev/urandom >source/$name; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_nginx repo
options="--trust trust --cache cache --state state --log mount.log"
online=$url
snapshot=$("$GRANARY_MOUNT" --resolve $options "$url" | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["snapshot"])')
word() { getfattr -n "user.granary.$1" --only-values mnt; }

"$GRANARY" mount $options --no-follow "$url" mnt
cmp source/one mnt/one
expect_equal "$(word offline)" no
"$GRANARY" umount mnt
kill -STOP "$nginx_process" $(cat /proc/"$nginx_process"/task/*/children) # it is there, and says nothing

# Silence, a refused connection, a place that leads nowhere: each is given up soon.
port=$(free_port)
for source in "$online" "http://127.0.0.1:$port" "http://198.51.100.1:$port"; do
  began=$SECONDS
  "$GRANARY" mount $options --snapshot "$snapshot" "$source" mnt 2>said
  [ $((SECONDS - began)) -lt $((10 * ${GRANARY_PATIENCE:-1})) ] || fail "it took $((SECONDS - began)) s"
  expect_said "offline"
  cmp source/one mnt/one
  expect_equal "$(word offline)" yes
  "$GRANARY" stat mnt | says offline || fail "stat does not say it"
  kill -KILL "$(word worker_pid)"
  expect_equal "$(word offline)" yes "after another worker took over"
  "$GRANARY" umount mnt
done

# Somebody answers who is no server of the repository.
mkdir portal
echo "<html>log in</html>" >portal/head.json
"$GRANARY" mount $options --snapshot "$snapshot" "$PWD/portal" mnt
cmp source/one mnt/one
"$GRANARY" umount mnt

# A name that moves cannot be resolved offline.
expect_fail 5 "$GRANARY" mount $options "http://127.0.0.1:$port" mnt

# What is missing is fetched when the network is back.
"$GRANARY" mount $options --snapshot "$snapshot" "$online" mnt
! cmp source/two mnt/two 2>/dev/null || fail "it had what nobody had fetched"
kill -CONT $(cat /proc/"$nginx_process"/task/*/children) "$nginx_process"
until_true 30 cmp source/two mnt/two
until_true 30 [ "$(word offline)" = no ]
"$GRANARY" umount mnt
stop "$nginx_process"

# What is kept is believed no more than a server: a damaged head, an older one, none at all.
kept=$(echo state/offline/*)
cp -a "$kept" saved
refused() { # STATUS TEXT
  expect_fail "$1" "$GRANARY" mount $options --snapshot "$snapshot" "$online" mnt
  expect_said "$2"
}
sed -i 's/"revision": *[0-9]*/"revision":7/; s/payload":"..../payload":"AAAA/' "$kept/head.json"
refused 7 "cannot trust"
cp saved/head.json "$kept/head.json"
mv "$kept" moved
refused 5 "nothing was kept"
mv moved "$kept"
for object in "$kept"/????????????????????????????????????????????????????????????????; do echo damaged >"$object"; done
"$GRANARY" mount $options --snapshot "$snapshot" "$online" mnt # the cache has them, too
cmp source/one mnt/one
"$GRANARY" umount mnt
mv cache emptied
refused 5 ""
rm -rf cache
cp -a emptied cache

# Versions seen, and withdrawals, hold.
start_nginx repo
"$GRANARY" withdraw repo "$snapshot" --reason "has a hole"
"$GRANARY_MOUNT" --resolve $options --allow-withdrawn "$url" >answer
stop "$nginx_process"
refused 7 "has a hole"
cp saved/head.json "$kept/head.json"
refused 20 ""
