# Varnish as a caching mirror: what is asked for twice comes from it, the head never does, a damaged copy is replaced,
# and when Varnish or what is behind it dies, another mirror goes on.
# needs: root fuse nginx varnishd

mkdir -p source/dir mnt
for i in $(seq 20); do head -c 300000 /dev/urandom >source/dir/file$i; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_serve repo --access-log
origin=$url origin_log=$started_log
origin_process=$serve_process

# start_varnish BACKEND-URL: $url and $varnish_process; as docs/operations.md has it.
start_varnish() {
  port=$(free_port)
  url=http://127.0.0.1:$port
  cat >mirror.vcl <<END
vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "${1##*:}"; }
sub vcl_recv { if (req.http.Cache-Control ~ "no-cache") { set req.hash_always_miss = true; } }
END
  background varnishd -F -j none -T none -n "$WORK/varnish.$port" -s malloc,64m -a "127.0.0.1:$port" -f "$WORK/mirror.vcl"
  varnish_process=$started
  wait_for_port "$port"
}
mounts=0
mount_from() {
  mounts=$((mounts + 1))
  "$GRANARY" mount "$@" mnt --trust trust --cache "cache$mounts" --state state --log mount.log
}
read_all() { for i in $(seq 20); do cmp "source/dir/file$i" "mnt/dir/file$i"; done; }
once() {
  mount_from "$@"
  read_all
  "$GRANARY" stat mnt --json >stat.json
  "$GRANARY" umount mnt
}
forgotten=0
forget() { forgotten=$(wc -c <"$origin_log"); }
served() { tail -c "+$((forgotten + 1))" "$origin_log" | grep -c "path=/$1" || true; }

start_varnish "$origin"
cached=$url
once "$cached"
[ "$(served objects)" -gt 5 ] || fail "nothing came from the origin: $(cat "$origin_log")"
forget
once "$cached"
expect_equal "$(served objects)" 0 "objects fetched from the origin the second time"
expect_equal "$(served head.json)" 1 "heads asked for at the origin"
expect_equal "$(json fetch.failures stat.json)" 0

# A new head is seen at once, through a cache that has seen the one before.
echo more >source/dir/more
"$GRANARY" publish repo source
"$GRANARY" ls "$cached" /dir --trust trust | says more || fail "the new snapshot is not seen"

# What is behind the cache dies, then the cache itself: the other mirror goes on.
start_nginx repo
mount_from "$cached" --mirror "$url"
for i in $(seq 20); do
  [ "$i" != 2 ] || stop "$origin_process"
  [ "$i" != 10 ] || stop "$varnish_process"
  cmp "source/dir/file$i" "mnt/dir/file$i" || fail "file$i"
done
"$GRANARY" umount mnt

# Damaged copies: found, asked for past the cache, and replaced in it.
cp -r repo lying
find lying/objects -type f -size +100k | while read -r object; do
  printf POISONED | dd of="$object" bs=1 seek=5000 conv=notrunc status=none
done
NGINX_SERVER='location / { add_header Cache-Control "public, max-age=31536000, immutable"; }
  location = /head.json { add_header Cache-Control "no-cache"; }' start_nginx lying
start_varnish "$url"
find repo/objects -type f -printf '%P\n' | while read -r object; do curl -fsS -o /dev/null "$url/objects/$object"; done
cp -r repo/. lying
once "$url"
[ "$(json fetch.corrupt stat.json)" -gt 0 ] || fail "nothing was damaged"
expect_equal "$(json fetch.failures stat.json)" 0
once "$url"
expect_equal "$(json fetch.corrupt stat.json)" 0 "damage after the cache has healed"
stop "$varnish_process"
