# A missing or a corrupt object fails the reads of its bytes, nothing else, says so in one line, and heals with its source.
# needs: root fuse nginx getfattr

mkdir -p source/dir
head -c 300000 /dev/urandom >source/dir/lost
head -c 300000 /dev/urandom >source/dir/damaged
echo fine >source/dir/fine
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_nginx repo
mkdir mnt
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log

object_of() { getfattr --only-values -n user.granary.objects "$1" 2>/dev/null | head -1; }
file_of() { echo "repo/objects/${1:0:2}/${1:2}"; }
lost=$(object_of mnt/dir/lost)
damaged=$(object_of mnt/dir/damaged)
cp "$(file_of "$damaged")" kept-damaged
mv "$(file_of "$lost")" kept-lost
printf 'XXXX' | dd of="$(file_of "$damaged")" bs=1 seek=100 conv=notrunc status=none

expect_fail 1 cat mnt/dir/lost
expect_said "Input/output error"
expect_fail 1 cat mnt/dir/damaged
expect_said "Input/output error"
expect_equal "$(cat mnt/dir/fine)" fine
expect_equal "$(ls mnt/dir | wc -l)" 3

# One line each: repository, path, object, source and cause.
for each in "lost $lost" "damaged $damaged"; do
  set -- $each
  until_true 5 grep -q "path=/dir/$1" mount.log
  expect_equal "$(grep -c "$2" mount.log)" 1 "lines about $1 in $(cat mount.log)"
  grep "path=/dir/$1" mount.log >line
  for word in "error read failed" "repository=sw.example.org" "object=$2" "source=$url" "cause="; do
    grep -qF -- "$word" line || fail "no '$word' in $(cat line)"
  done
done
"$GRANARY" stat mnt --json >stat.json
[ "$(json operations.failures stat.json)" -ge 2 ] || fail "failures are not counted"

mv kept-lost "$(file_of "$lost")"
cp kept-damaged "$(file_of "$damaged")"
sleep 0.3  # a failure is remembered for a moment
cmp source/dir/lost mnt/dir/lost
cmp source/dir/damaged mnt/dir/damaged

# The cache is not trusted either: after a restart a damaged copy is fetched anew.
"$GRANARY" umount mnt
find cache -type f -path "*${lost:2}*" -exec sh -c 'printf XXXX | dd of="$1" bs=1 seek=50 conv=notrunc status=none' sh {} \;
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log
cmp source/dir/lost mnt/dir/lost
"$GRANARY" stat mnt --json >stat.json
expect_equal "$(json cache.healed stat.json)" 1

# A source that is gone: what is at hand goes on, the rest fails, and heals.
stop "$nginx_process"
cmp source/dir/lost mnt/dir/lost
expect_equal "$(cat mnt/dir/fine)" fine
"$GRANARY" umount mnt
