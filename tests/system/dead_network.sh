# The network dies in a namespace of its own: packets vanish, the name server says nothing. What is at hand goes on, names
# included; the rest fails soon and says why; threads and descriptors stay few; everything heals by itself.
# needs: root fuse unshare ip
# timeout: 180

mkdir -p source/dir source/later
for i in $(seq 200); do head -c 30000 /dev/urandom >source/dir/file$i; done
for i in $(seq 20); do head -c 300000 /dev/urandom >source/later/file$i; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mkdir mnt

cat >inside.sh <<'END'
ip link set lo up
ip link add hole type veth peer name beyond  # what is sent there is gone for good: nobody has these addresses
ip addr add 10.9.1.2/24 dev hole
ip link set hole up
ip link set beyond up
for address in 10.9.1.1 10.9.1.53; do ip neigh add $address lladdr 02:00:00:00:00:01 dev hole; done
reachable() { ip addr add 10.9.1.1/32 dev lo; }
vanished() { ip addr del 10.9.1.1/32 dev lo; }
reachable
echo "nameserver 10.9.1.53" >resolv.conf
echo "10.9.1.1 repo.example.org" >hosts
mount --bind resolv.conf /etc/resolv.conf
mount --bind hosts /etc/hosts
background "$GRANARY" serve repo --listen 10.9.1.1:8000
until_true 20 curl -s --noproxy '*' -o head http://10.9.1.1:8000/head.json
url=http://repo.example.org:8000
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log --proxy DIRECT
worker=$("$GRANARY" stat mnt --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["worker_pid"])')
seconds_for() { local began=$(date +%s%N); "$@" >/dev/null 2>&1 || true; echo $((($(date +%s%N) - began) / 1000000)); }

# Packets vanish, also those of connections that are kept.
ls -lR mnt >listing
cat mnt/later/file1 >/dev/null
vanished
cmp source/later/file1 mnt/later/file1
ls -lR mnt | cmp - listing
first=$(seconds_for cat mnt/later/file20)
second=$(seconds_for cat mnt/later/file19)
third=$(seconds_for cat mnt/later/file18)
echo "after packets vanished reads took $first, $second, $third ms to fail"
[ "$first" -lt 15000 ] || fail "the first read took $first ms"
[ $((second + third)) -lt 8000 ] || fail "further reads took $second and $third ms"
expect_fail 1 cat mnt/later/file20
expect_said "Input/output error"
cmp source/later/file1 mnt/later/file1
reachable
until_true 15 cmp source/later/file20 mnt/later/file20
cmp source/later/file19 mnt/later/file19

# The name server says nothing: many readers at once take no threads and descriptors of their own.
echo >hosts
stop "$started"
sleep 1
background "$GRANARY" serve repo --listen 10.9.1.1:8000
"$GRANARY" umount mnt
expect_fail 5 "$GRANARY" mount "$url" mnt --trust trust --cache cache2 --state state --proxy DIRECT
expect_said "cannot reach the repository"
echo "10.9.1.1 repo.example.org" >hosts
"$GRANARY" mount "$url" mnt --trust trust --cache cache3 --state state --log mount.log --proxy DIRECT \
  --mirror http://nobody-knows.example.org:8000
worker=$("$GRANARY" stat mnt --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["worker_pid"])')
ls -lR mnt >listing
before=$(ls "/proc/$worker/fd" | wc -l)
echo >hosts
kill -9 "$started"  # whoever asks now has the other mirror left, whose name nobody can tell
readers=
for i in $(seq 200); do cat "mnt/dir/file$i" >/dev/null 2>&1 & readers="$readers $!"; done
most_threads=0 most_files=0
for i in $(seq 40); do
  threads=$(ls "/proc/$worker/task" | wc -l)
  files=$(ls "/proc/$worker/fd" | wc -l)
  [ "$threads" -le $most_threads ] || most_threads=$threads
  [ "$files" -le $most_files ] || most_files=$files
  sleep 0.1
done
for reader in $readers; do wait "$reader" || true; done
echo "two hundred readers without a name server: at most $most_threads threads, $((most_files - before)) more descriptors"
[ "$most_threads" -lt 100 ] || fail "$most_threads threads"
[ $((most_files - before)) -lt 150 ] || fail "$most_files descriptors"
ls -lR mnt | cmp - listing
"$GRANARY" stat mnt --json | says "esolv" || fail "no word of the name: $("$GRANARY" stat mnt --json)"
background "$GRANARY" serve repo --listen 10.9.1.1:8000
echo "10.9.1.1 repo.example.org" >hosts
until_true 20 cmp source/dir/file200 mnt/dir/file200
"$GRANARY" umount mnt
END
unshare --net --mount bash -euo pipefail -c '. "$ROOT/tests/system/lib.sh"; . ./inside.sh'
