# The disk of the cache does not answer (a frozen file system): who reads is served from the network or from memory, the
# control socket answers, and once the disk is back so is the cache.
# needs: root fuse nginx mkfs.ext4 fsfreeze
# timeout: 180

random_files source/lib 40 300000
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>/dev/null
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mkdir mnt
loop_disk disk 64M
thaw() { fsfreeze -u disk 2>/dev/null || true; }
trap 'thaw; _end_processes' EXIT
right() { for i in "$@"; do cmp source/lib/file-$i mnt/lib/file-$i || fail "file-$i differs"; done; }
drop_from_kernel() { for each in mnt/lib/*; do dd if="$each" iflag=nocache count=0 2>/dev/null; done; }
"$GRANARY" mount "$url" mnt --trust trust --state state --log "$WORK/mount.log" --cache disk/cache
right $(seq 5)
fsfreeze -f disk
export -f right fail cmp 2>/dev/null || true
timeout 60 bash -c 'for i in $(seq 40); do cmp source/lib/file-$i mnt/lib/file-$i || exit 1; done' ||
  fail "reading hangs with the disk: $(cat mount.log)"
timeout 10 "$GRANARY" stat mnt >stat.out || fail "stat hangs with the disk"
timeout 10 "$GRANARY" stat mnt --json >stat.json
grep -q 'cache degraded' mount.log || fail "$(cat mount.log)"
drop_from_kernel
timeout 60 bash -c 'cat mnt/lib/*' | wc -c >read
fsfreeze -u disk
kept_again() { drop_from_kernel; cat mnt/lib/* | wc -c >read; grep -q 'cache works again' mount.log; }
until_true 40 kept_again
right $(seq 40)
"$GRANARY" umount mnt
