# The disk of the cache fails below a mount (its device ends in the middle), and is replaced while the mount goes on: every
# byte is read all the same, stat answers, and the new disk is used without anybody doing anything.
# needs: root fuse nginx mkfs.ext4
# timeout: 180

random_files source/lib 20 300000
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>/dev/null
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mkdir mnt
loop_disk disk 64M
right() { for i in "$@"; do cmp source/lib/file-$i mnt/lib/file-$i || fail "file-$i differs"; done; }
forget() { for file in "$1"/objects/*/*; do dd if="$file" of="$file" oflag=nocache conv=notrunc count=0 2>/dev/null || true; done; }
drop_from_kernel() { for each in mnt/lib/*; do dd if="$each" iflag=nocache count=0 2>/dev/null; done; }
"$GRANARY" mount "$url" mnt --trust trust --state state --log "$WORK/mount.log" --cache disk/cache
right $(seq 10)
sync -f disk
forget disk/cache
drop_from_kernel
truncate -s 1M disk.img  # reads and writes behind it are errors from now on
right $(seq 20)
drop_from_kernel
right $(seq 20)
timeout 10 "$GRANARY" stat mnt >stat.out || fail "stat does not answer on a failing disk"
lines=$(grep -c 'cache' mount.log || true)
[ "$lines" -le 8 ] || fail "$lines lines about one disk: $(cat mount.log)"

# The operator takes it away and mounts another one.
umount -l disk
loop_disk disk2 64M
umount disk2
mount -o loop disk2.img disk
kept_again() { drop_from_kernel; cat mnt/lib/* | wc -c >read; [ -n "$(find disk/cache/objects -type f 2>/dev/null)" ]; }
until_true 40 kept_again
grep -q "cache directory replaced" mount.log || fail "$(cat mount.log)"
right $(seq 20)
"$GRANARY" umount mnt
