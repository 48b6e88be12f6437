# A report holds what somebody needs to find a fault, and no secrets.
# needs: root fuse

mkdir source
echo hello >source/greeting
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
mkdir mnt
"$GRANARY" mount "$PWD/repo" mnt --trust trust --cache cache --state state --log "$PWD/log" --trace
cat mnt/greeting >/dev/null
"$GRANARY" bugreport -o report.tar.gz 2>said
grep -q 'It holds names of hosts' said || fail "does not say what it holds"
expect_equal "$(stat -c %a report.tar.gz)" 600
mkdir out
tar xzf report.tar.gz -C out
top=$(echo out/*)
for file in README.txt versions.txt host.txt mounts.txt processes.txt probe.txt; do
  [ -s "$top/$file" ] || fail "no $file: $(ls -R out)"
done
mine=$(grep -lx "$PWD/mnt" "$top"/mount-*/place.txt)
folder=$(dirname "$mine")
grep -q '"repository"' "$folder/stat.json"
grep -q '^granary_reads_total' "$folder/metrics.txt"
grep -q 'info mounted' "$folder/log.txt"
grep -q ' lookup \| read ' "$folder/trace.txt" || fail "no trace: $(head "$folder/trace.txt")"
grep -q "$PWD/mnt" "$top/mounts.txt"
! grep -rq 'BEGIN.*PRIVATE KEY' out || fail "a key is in it"
"$GRANARY" umount mnt
rm -f /run/granary/trace.*"$(printf '%s' "$PWD/mnt" | sha256sum | cut -c1-12)"*
