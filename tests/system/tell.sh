# granary-mount --tell: another list of proxies and mirrors under a live mount, which outlives its worker; and a list of
# paths that stay in the cache for good.
# needs: root fuse

mkdir -p source/usr/bin source/usr/share mnt
ln -s usr/bin source/bin
ln -s /usr/bin/tool source/usr/bin/link
echo tool >source/usr/bin/tool
for name in one two three four five six; do head -c 300000 /dev/urandom >"source/usr/share/$name"; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source

# The server takes whole URLs as proxies do; the name in them means nothing to anybody.
start_nginx repo
second=http://127.0.0.1:$port
start_link
first_proxy=$url
mount_it() {
  "$GRANARY" mount --trust trust --cache cache --state state --log mount.log --no-follow "$@" http://repo.invalid mnt
}
tell() { "$GRANARY_MOUNT" --tell mnt "$@"; }
same() { cmp "source/usr/share/$1" "mnt/usr/share/$1"; }
member() { $PYTHON -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

mount_it --proxy "$first_proxy"
same one
exec 3<mnt/usr/share/one
tell proxies "$second" | says '"changed":"proxy"' || fail "nothing was changed"
stop "$link_process"
same two
kill -KILL "$(tell stat | member worker_pid)"
same three
expect_equal "$(tell stat | $PYTHON -c 'import json, sys; print([s["proxy"] for s in json.load(sys.stdin)["sources"]])')" \
  "['$second']"
cmp source/usr/share/one - <&3 || fail "an open file"
exec 3<&-
expect_fail 3 "$GRANARY_MOUNT" --tell mnt proxies "nonsense"
expect_fail 2 "$GRANARY_MOUNT" --tell mnt proxies
expect_fail 4 "$GRANARY_MOUNT" --tell "$WORK" stat
same four
tell mirrors http://other.invalid >answer
tell stat | says "other.invalid" || fail "no other mirror"
tell mirrors >answer
! tell stat | says "other.invalid" || fail "the mirror is still there"
same five

# Pins: links are followed, what is missing does not hinder the others.
printf '%s\n' "# tools" "/bin/link  # through two links" "" "usr/share/six" "/no/such" >list
expect_fail 4 "$GRANARY_MOUNT" --tell mnt pin <list
expect_said "cannot find /no/such"
expect_said '{"missing":["/no/such"],"pinned":2}'
"$GRANARY" pin --list mnt >pins
expect_equal "$(cut -d' ' -f1 pins | sort | tr '\n' ' ')" "/usr/bin/tool /usr/share/six "
"$GRANARY" umount mnt
echo other >source/usr/bin/tool
"$GRANARY" publish repo source
mount_it --proxy "$second"
printf '/usr/bin/tool\n/no/such\n' >list
expect_fail 4 "$GRANARY_MOUNT" --tell mnt pin --only <list
expect_equal "$("$GRANARY" pin --list mnt | wc -l)" 1
"$GRANARY" umount mnt
