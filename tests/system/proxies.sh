# Real caches on the way: Squid as a forward proxy, nginx as a caching mirror. What is asked for twice comes from them,
# the head is revalidated, a poisoned copy heals, and when they die the next way is taken.
# needs: root fuse nginx squid

mkdir -p source/dir
for i in $(seq 20); do head -c 300000 /dev/urandom >source/dir/file$i; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_serve repo --access-log
origin=$url origin_log=$started_log
mkdir mnt

start_squid() {
  squid_port=$(free_port)
  mkdir -p squid
  chmod 777 squid
  cat >squid/squid.conf <<END
http_port 127.0.0.1:$squid_port
cache_mem 64 MB
maximum_object_size_in_memory 8 MB
memory_cache_mode always
acl all_of_them src all
$1
http_access allow all_of_them
access_log stdio:$WORK/squid/access.log
cache_log $WORK/squid/cache.log
pid_filename $WORK/squid/pid
coredump_dir $WORK/squid
pinger_enable off
shutdown_lifetime 0 seconds
END
  touch squid/access.log squid/cache.log
  chmod 666 squid/*.log
  background squid -N -f "$WORK/squid/squid.conf"
  squid_process=$started
  wait_for_port "$squid_port"
}
mounts=0
mount_from() {
  mounts=$((mounts + 1))
  "$GRANARY" mount "$@" mnt --trust trust --cache "cache$mounts" --state state --log mount.log
}
read_all() { for i in $(seq 20); do cmp "source/dir/file$i" "mnt/dir/file$i"; done; }
forgotten=0
forget() { forgotten=$(wc -c <"$origin_log"); }
served() { tail -c "+$((forgotten + 1))" "$origin_log" | grep -c "path=/$1.*status=$2" || true; }
source_states() {
  "$GRANARY" stat mnt --json | $PYTHON -c 'import json, sys
for source in json.load(sys.stdin)["sources"]: print(source["url"], source["proxy"], source["state"])'
}

# ---- Squid on the way
start_squid ""
mount_from "$origin" --proxy "http://someone:secret@127.0.0.1:$squid_port"
read_all
"$GRANARY" stat mnt --json >stat.json
expect_equal "$(json sources.0.proxy stat.json)" "http://127.0.0.1:$squid_port"
grep -q secret stat.json mount.log /proc/self/mountinfo && fail "the proxy's password is told"
"$GRANARY" umount mnt
[ "$(served objects 200)" -gt 5 ] || fail "nothing came from the origin: $(cat "$origin_log")"
forget
mount_from "$origin" --proxy "http://127.0.0.1:$squid_port"
read_all
"$GRANARY" umount mnt
expect_equal "$(served objects 200)" 0 "objects fetched from the origin the second time"
expect_equal "$(served head.json 304)" 1 "heads revalidated"
expect_equal "$(served head.json 200)" 0 "heads fetched anew"
grep -q "HIT" squid/access.log || fail "no hits in $(cat squid/access.log)"

# What http_proxy says is obeyed, and no_proxy, and --proxy before both.
forget
http_proxy=http://127.0.0.1:$squid_port no_proxy= "$GRANARY" ls "$origin" --trust trust >/dev/null
expect_equal "$(served head.json 304)" 1 "http_proxy"
http_proxy=http://127.0.0.1:1 no_proxy=127.0.0.1 "$GRANARY" ls "$origin" --trust trust >/dev/null
http_proxy=http://127.0.0.1:1 "$GRANARY" ls "$origin" --trust trust --proxy DIRECT >/dev/null
http_proxy= expect_fail 3 "$GRANARY" ls "$origin" --trust trust --proxy DIRECT --forbid-direct
expect_said "directly is forbidden"
printf '#!/bin/sh\necho "PROXY 127.0.0.1:%s; DIRECT"\n' "$squid_port" >finder
chmod 755 finder
forget
"$GRANARY" ls "$origin" --trust trust --proxy-command "$WORK/finder" >/dev/null
expect_equal "$(served head.json 304)" 1 "--proxy-command"
forget
mount_from "$origin" --proxy-command "$WORK/finder"
read_all
"$GRANARY" umount mnt
expect_equal "$(served objects 200)" 0 "objects fetched round the proxy of --proxy-command"
# As in fstab.
mount_from "$origin" -o "proxy=http://127.0.0.1:1|http://127.0.0.1:2;http://127.0.0.1:$squid_port,mirror=http://127.0.0.1:3/x,forbid_direct"
read_all
expect_equal "$(source_states | grep -c "http")" 6
"$GRANARY" umount mnt
expect_equal "$(served objects 200)" 0 "objects fetched round the proxies of the list"

# The proxy dies while it is read through: the next group takes over, and it comes first again once it is back.
mount_from "$origin" --proxy "http://127.0.0.1:$squid_port;DIRECT"
for i in $(seq 20); do
  [ "$i" != 2 ] || stop "$squid_process"
  cmp "source/dir/file$i" "mnt/dir/file$i" || fail "file$i after the death of the proxy"
done
source_states | says "$squid_port ill" || fail "not ill: $(source_states)"
"$GRANARY" umount mnt
# Without another way nothing goes round it.
expect_fail 5 "$GRANARY" ls "$origin" --trust trust --proxy "http://127.0.0.1:$squid_port" --forbid-direct

# A proxy that wants to know who asks is told, or says what is missing.
start_squid "auth_param basic program /usr/bin/env sh $WORK/asks_nobody
acl known proxy_auth REQUIRED
http_access deny !known"
printf 'while read -r who; do case $who in "someone secret") echo OK ;; *) echo ERR ;; esac; done\n' >asks_nobody
chmod 755 asks_nobody
"$GRANARY" ls "$origin" --trust trust --proxy "http://someone:secret@127.0.0.1:$squid_port" >/dev/null
expect_fail 5 "$GRANARY" ls "$origin" --trust trust --proxy "http://someone:wrong@127.0.0.1:$squid_port"
expect_said "407"
! grep -q "wrong@" said || fail "the password is told: $(cat said)"
stop "$squid_process"

# ---- nginx as a caching mirror
mkdir empty
NGINX_HTTP="proxy_cache_path $WORK/nginx-cache keys_zone=mirror:10m;
  proxy_cache_revalidate on;
  map \$http_cache_control \$refetch { ~no-cache 1; default 0; }" \
  NGINX_SERVER="location / { proxy_pass $origin; proxy_cache mirror; proxy_cache_bypass \$refetch; }" start_nginx empty
mirror=$url mirror_port=$port
forget
mount_from "$mirror"
read_all
"$GRANARY" umount mnt
forget
mount_from "$mirror"
read_all
"$GRANARY" umount mnt
expect_equal "$(served objects 200)" 0 "objects fetched from the origin the second time"

# Poisoned copies: found, asked for past the cache, and replaced in it.
for copy in $(grep -rl "KEY: .*objects" nginx-cache); do
  $PYTHON - "$copy" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    data = file.read()
    body = data.index(b"\r\n\r\n") + 4
    file.seek(body + (len(data) - body) // 2)
    file.write(b"POISONED")
END
done
mount_from "$mirror"
read_all
"$GRANARY" stat mnt --json >stat.json
[ "$(json fetch.corrupt stat.json)" -gt 0 ] || fail "nothing was poisoned"
expect_equal "$(json fetch.failures stat.json)" 0
"$GRANARY" umount mnt
mount_from "$mirror"
read_all
"$GRANARY" stat mnt --json >stat.json
expect_equal "$(json fetch.corrupt stat.json)" 0 "damage after the cache has healed"
"$GRANARY" umount mnt
