# A published tree, mounted over HTTP, is the source: every entry, byte, xattr and hard link; by granary serve and by nginx.
# needs: root fuse nginx getfattr
# timeout: 400

oddities source
mkdir source/many
$PYTHON - <<'END'
for i in range(3000):
    open(f"source/many/entry number {i}", "w").write(f"{i}\n" if i % 2 else "")
END
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source

mount_from() {
  mkdir -p mnt
  "$GRANARY" mount "$1" mnt --trust trust --cache "$2" --state state --log mount.log -o suid,dev
  same_tree source mnt
  same_tree source mnt  # and from the kernel's caches
  "$GRANARY" stat mnt --json >stat.json
  expect_equal "$(json name stat.json)" sw.example.org
  expect_equal "$(json url stat.json)" "$1"
  expect_equal "$(json operations.failures stat.json)" 0
  worker=$(json worker_pid stat.json)
  [ -d "/proc/$worker" ] || fail "worker_pid $worker is nobody"
  "$GRANARY" umount mnt
  ! is_mounted mnt || fail "still mounted"
  ended "$worker" || fail "process $worker has outlived its mount"
}

start_nginx repo
mount_from "$url" cache
if "$GRANARY" serve --help >/dev/null 2>&1; then
  start_serve repo
  mount_from "$url" other-cache
fi
mount_from "file://$WORK/repo" third-cache

# A second mount finds everything in the cache: nothing but the head is fetched.
start_nginx repo
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log
same_tree source mnt
expect_equal "$("$GRANARY" stat mnt --json | tee stat.json >/dev/null; json fetch.misses stat.json)" 0
"$GRANARY" umount mnt
