# A snapshot written as a tar, an image and a disk holds the tree, and comes out the same twice.
# needs: root tar2sqfs mke2fs qemu-img unsquashfs debugfs
# timeout: 180

"$GRANARY" init repo --name sw.example.org --keys keys >trust.json 2>/dev/null
oddities tree
mkdir -p tree/usr/lib && random_files tree/usr/lib 40 20000
ln -s usr/lib tree/lib
chmod 1777 tree/srv && chown 7:8 tree
"$GRANARY" publish repo tree >/dev/null

# Twice the same bytes, whatever the clock says.
for format in tar tar.gz tar.zst squashfs raw qcow2; do
  "$GRANARY" export repo main --format $format -o one.$format >exported 2>losses
  "$GRANARY" export repo --snapshot main --format $format -o two.$format --json >exported.json 2>/dev/null
  expect_equal "$(json path exported.json)" two.$format
  cmp one.$format two.$format || fail "$format is not the same twice"
  grep -qF "cannot hold the socket /srv/oddities/devices/socket" losses || fail "$format lost a socket silently"
done
[ -z "$(ls | grep '\.tmp')" ] || fail "left behind: $(ls)"

mkdir from.tar && tar --xattrs --xattrs-include='*' --acls --numeric-owner -xpf one.tar -C from.tar
same_tree tree from.tar --ignore sockets
gzip -dc one.tar.gz | cmp - one.tar
zstd -dqc one.tar.zst | cmp - one.tar
"$GRANARY" export repo main --format tar -o - 2>/dev/null | cmp - one.tar

# It comes back as the same tree, but for the socket.
"$GRANARY" publish repo one.tar --branch again >/dev/null
"$GRANARY" diff repo main again >differences
expect_equal "$(cat differences)" "D /srv/oddities/devices/socket"

# squashfs: whole seconds, no ACLs.
unsquashfs -q -n -d from.squashfs one.squashfs >/dev/null
find tree -exec touch -h -d "@$(stat -c %Y tree/srv/oddities/modes/empty)" {} +
find from.squashfs -exec touch -h -d "@$(stat -c %Y tree/srv/oddities/modes/empty)" {} +
rm tree/srv/oddities/devices/socket
setfattr -h -x system.posix_acl_access tree/srv/oddities/xattrs/acl
chmod 670 tree/srv/oddities/xattrs/acl
setfattr -h -x system.posix_acl_default tree/srv/oddities/xattrs/acl-directory
same_tree tree from.squashfs --ignore mtime
grep -qF "cannot hold the ACL of /srv/oddities/xattrs/acl" <("$GRANARY" export repo main --format squashfs -o x.squashfs 2>&1) ||
  fail "an ACL was lost silently"

# A disk: clean, with the owners and modes of the tree.
e2fsck -fn one.raw >checked 2>&1 || fail "e2fsck: $(cat checked)"
qemu-img convert -O raw one.qcow2 back.raw && cmp one.raw back.raw
mkdir from.raw && debugfs -R "rdump / from.raw" one.raw >/dev/null 2>&1
same_tree tree/usr from.raw/usr --ignore mtime
debugfs -R "stat /srv/oddities/modes/setuid" one.raw 2>/dev/null >stat
grep -q "Mode:  04755" stat || fail "the mode is lost: $(cat stat)"
debugfs -R "stat /" one.raw 2>/dev/null >stat
grep -qE "User: +7 +Group: +8" stat || fail "the owner of the root is lost: $(cat stat)"

# Refusals say what to do.
expect_fail 9 "$GRANARY" export repo main --format tar -o one.tar
expect_said "--force"
"$GRANARY" export repo main --format tar -o one.tar --force >/dev/null 2>&1
expect_fail 10 "$GRANARY" export repo main --format raw -o small.raw --size 8M
expect_said "it needs"
expect_fail 3 "$GRANARY" export repo main --format tar -o x.tar --size 1G
expect_fail 3 "$GRANARY" export repo main --format qcow -o x
expect_said 'did you mean "qcow2"?'
expect_fail 3 "$GRANARY" export repo main --format raw -o -
expect_fail 4 "$GRANARY" export repo nowhere --format tar -o x.tar
"$GRANARY" export repo main --format raw -o large.raw --size 1G >/dev/null 2>&1
expect_equal "$(stat -c %s large.raw)" $((1 << 30))
mkdir full && mount -t tmpfs -o size=256k tmpfs full
expect_fail 10 "$GRANARY" export repo main --format tar -o full/x.tar
[ -z "$(ls full)" ] || fail "left behind: $(ls full)"
umount full
