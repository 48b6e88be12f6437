# Several mirrors: one dies while it is read from, one lags, one lies, all are gone and come back. No read fails as long
# as one of them has what is read, and granary stat tells how each of them is.
# needs: root fuse

mkdir -p source/dir
for i in $(seq 40); do head -c 500000 /dev/urandom >source/dir/file$i; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
cp -a repo old
head -c 50000 /dev/urandom >source/dir/new
"$GRANARY" publish repo source
mkdir mnt portal

serve() { background "$GRANARY" serve "$1" --listen "127.0.0.1:$2"; wait_for_port "$2"; }
start_serve repo
first_port=$port first=$url first_process=$serve_process
start_serve repo
second_port=$port second=$url second_process=$serve_process
start_serve old
old=$url
# A captive portal: its page instead of whatever was asked for.
portal_port=$(free_port)
portal=http://127.0.0.1:$portal_port
background $PYTHON -c '
import http.server, sys
class Portal(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        page = b"<html><body>Please log in.</body></html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Portal).serve_forever()' "$portal_port"
wait_for_port "$portal_port"

mounts=0
mount_from() {
  mounts=$((mounts + 1))
  "$GRANARY" mount "$@" mnt --trust trust --cache "cache$mounts" --state state --log mount.log
}
source_is() {  # source_is URL STATE
  "$GRANARY" stat mnt --json >stat.json
  $PYTHON -c 'import json, sys
for source in json.load(open("stat.json"))["sources"]:
    if source["url"] == sys.argv[1]: sys.exit(source["state"] != sys.argv[2])
sys.exit(1)' "$1" "$2"
}

# One dies while it is read from.
mount_from "$first" --mirror "$second"
for i in $(seq 40); do
  [ "$i" != 2 ] || stop "$first_process"
  cmp "source/dir/file$i" "mnt/dir/file$i" || fail "file$i after the death of a mirror"
done
source_is "$first" ill || fail "not ill: $(cat stat.json)"
source_is "$second" healthy || fail "not healthy: $(cat stat.json)"
serve repo "$first_port"
first_process=$started
"$GRANARY" umount mnt

# One lags: what the other has to offer is newer, and only the other has its objects.
mount_from "$old" --mirror "$second"
expect_equal "$("$GRANARY" stat mnt --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["revision"])')" 3
cmp source/dir/new mnt/dir/new
source_is "$old" behind || fail "not behind: $(cat stat.json)"
"$GRANARY" umount mnt
# Once the newer one was seen a lagging mirror alone is refused; beside another it does no harm.
expect_fail 20 "$GRANARY" mount "$old" mnt --trust trust --cache cache-old --state state
expect_said "we have seen"
mount_from "$old" --mirror "$second" --mirror "$first"
"$GRANARY" umount mnt

# One lies.
mount_from "$portal" --mirror "$second"
for i in 1 2 3; do cmp "source/dir/file$i" "mnt/dir/file$i"; done
source_is "$portal" ill || fail "not ill: $(cat stat.json)"
"$GRANARY" umount mnt
expect_fail 12 "$GRANARY" mount "$portal" mnt --trust trust --cache cache-portal --state state
expect_said "its head.json is something else"

# A copy is made from whoever has it, too.
"$GRANARY" mirror "$portal" copy --trust trust --mirror "$second" >/dev/null
cmp copy/head.json repo/head.json
"$GRANARY" stat "$portal" --mirror "$second" | says "revision.*3" || fail "no stat of the second mirror"

# All are gone: what is at hand goes on, names included, the rest fails soon, and heals by itself.
mount_from "$first" --mirror "$second"
ls -l mnt/dir >listing
cat mnt/dir/file1 >/dev/null
stop "$first_process"
stop "$second_process"
cmp source/dir/file1 mnt/dir/file1
ls -l mnt/dir | cmp - listing
missing=
for i in $(seq 2 40); do cat "mnt/dir/file$i" >/dev/null 2>&1 || missing="$missing $i"; done
[ -n "$missing" ] || fail "everything was cached"
sleep 1
began=$(date +%s%N)
for i in $missing; do cat "mnt/dir/file$i" >/dev/null 2>&1 && fail "file$i from nowhere"; done
took=$((($(date +%s%N) - began) / 1000000))
echo "reading $(echo $missing | wc -w) files from nowhere took $took ms"
[ $took -lt 20000 ] || fail "failing took $took ms"
grep -q "cannot be reached\|nobody can be reached\|refused" mount.log || fail "no cause in $(tail -3 mount.log)"
serve repo "$second_port"
for i in $missing; do until_true 10 cmp "source/dir/file$i" "mnt/dir/file$i"; done
source_is "$second" healthy || fail "not healthy: $(cat stat.json)"
"$GRANARY" umount mnt
