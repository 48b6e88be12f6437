# The disk of the cache goes read-only below a mount, by hand or because its kernel found an error: hits go on, the rest
# is streamed, the log has a line for each change, and it works again once it can be written.
# needs: root fuse nginx mkfs.ext4
# timeout: 180

random_files source/lib 20 300000
random_files source/before 5 300000  # no walk through lib looks ahead to these
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>/dev/null
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mkdir mnt
loop_disk disk 64M
mount_it() { "$GRANARY" mount "$url" mnt --trust trust --state state --log "$WORK/mount.log" --cache disk/cache; }
right() { for i in "$@"; do cmp source/lib/file-$i mnt/lib/file-$i || fail "file-$i differs"; done; }
lines() { grep -c "$1" mount.log || true; }
drop_from_kernel() { for each in mnt/*/*; do dd if="$each" iflag=nocache count=0 2>/dev/null; done; }
puts() { "$GRANARY" stat mnt --json >stat.json && json cache.puts stat.json; }

mount_it
right $(seq 10)
# Nothing of ours keeps the disk from it: no file is open for writing.
mount -o remount,ro "$loop_device" disk || fail "the mount keeps the disk from being remounted: $(cat mount.log)"
right $(seq 11 15)
expect_equal "$(lines 'cache degraded')" 1 "$(cat mount.log)"
stop "$nginx_process"
drop_from_kernel
right $(seq 10)
start_nginx repo
"$GRANARY" umount mnt

# A new mount on a read-only disk: what is there is a hit.
rm mount.log
stop "$nginx_process"
start_nginx repo
mount_it 2>mount.err
right $(seq 15 -1 1)
"$GRANARY" stat mnt --json >stat.json
[ "$(json cache.hits stat.json)" -gt 0 ] || fail "no hits: $(cat stat.json)"
expect_equal "$(json cache.puts stat.json)" 0
"$GRANARY" cache verify mnt >/dev/null
"$GRANARY" cache list mnt >list.out 2>&1 || grep -qi "read-only" list.out || fail "$(cat list.out)"

mount -o remount,rw "$loop_device" disk
sleep 6  # it is tried again every five seconds, with what is fetched then
kept_again() { drop_from_kernel; cat mnt/before/* | wc -c >read; [ "$(puts)" -gt 0 ]; }
until_true 40 kept_again
expect_equal "$(lines 'cache works again')" 1 "$(cat mount.log)"
"$GRANARY" umount mnt

# As ext4 does when it finds an error (errors=remount-ro): at once, whoever has files open.
trigger=/sys/fs/ext4/$(basename "$loop_device")/trigger_fs_error
[ -w "$trigger" ] || { umount disk; echo "no trigger_fs_error here"; exit 0; }
mount -o remount,errors=remount-ro "$loop_device" disk
rm -rf disk/cache mount.log
mount_it
right $(seq 10)
echo 1 >"$trigger"
drop_from_kernel
right $(seq 20)
drop_from_kernel
right $(seq 20)
"$GRANARY" stat mnt >/dev/null
expect_equal "$(lines 'cache degraded')" 1 "$(cat mount.log)"
"$GRANARY" umount mnt
