# A mount exported over NFS by a real server in user space, read by a real client: also after its process was killed.
# needs: root fuse unshare ip ganesha.nfsd nfs-cat nfs-ls

mkdir -p source/a/b mnt recovery
echo hello >source/a/b/file
head -c 3000000 /dev/urandom >source/a/large
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
"$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log
cat >ganesha.conf <<END
NFS_CORE_PARAM { Protocols = 4; NFS_Port = 2049; Enable_NLM = false; Enable_RQUOTA = false; }
NFSv4 { Graceless = true; RecoveryBackend = fs; RecoveryRoot = $WORK/recovery; }
EXPORT {
  Export_Id = 77;
  Path = $WORK/mnt;
  Pseudo = /sw;
  Protocols = 4;
  Transports = TCP;
  Access_Type = RO;
  Squash = No_Root_Squash;
  Filesystem_id = 77.77;
  FSAL { Name = VFS; }
}
END

# In a network of its own, where nobody else answers at the port of NFS.
cat >inside.sh <<'END'
. "$ROOT/tests/system/lib.sh"
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/ganesha
start_ganesha() {
  background ganesha.nfsd -F -f "$WORK/ganesha.conf" -L "$WORK/ganesha.log" -p /run/ganesha.pid
  server=$started
  wait_for_port 2049
}
at() { echo "nfs://127.0.0.1/sw/$1?version=4"; }
start_ganesha
until_true 20 nfs-ls "$(at '')"
expect_equal "$(nfs-ls "$(at a)" | awk '{ print $NF }' | sort | tr '\n' ' ')" "b large "
expect_equal "$(nfs-cat "$(at a/b/file)")" hello
nfs-cat "$(at a/large)" >large
cmp large source/a/large

"$GRANARY" stat mnt --json >stat.json
kill -9 "$(json worker_pid stat.json)"
expect_equal "$(nfs-cat "$(at a/b/file)")" hello
echo 3 >/proc/sys/vm/drop_caches
nfs-cat "$(at a/large)" >large
cmp large source/a/large
stop "$server"

# The mount is made anew between two runs of the server.
"$GRANARY" umount mnt
"$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log
start_ganesha
until_true 20 nfs-ls "$(at '')"
expect_equal "$(nfs-cat "$(at a/b/file)")" hello
stop "$server"
END
unshare -m -n --propagation private bash -euo pipefail inside.sh || fail "inside: $(tail -20 ganesha.log)"
