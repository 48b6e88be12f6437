# A whole system as people use it, some 46,000 entries and 850 MB: published, served by nginx and by granary, mounted, and
# the same entry by entry and byte by byte; then one changed file costs little.
# needs: root fuse mmdebstrap nginx
# timeout: 1200
# serial

reference_tree tree
"$GRANARY" init repository --name real.example.org --keys keys >trust
"$GRANARY" publish repository tree --json >first.json
expect_equal "$(json entries first.json)" "$(find tree -mindepth 1 | wc -l)" entries
first=$(json tree_digest first.json)

mkdir by-nginx by-granary
start_nginx repository
"$GRANARY" mount "$url" by-nginx --trust trust --cache cache --state state
same_tree tree by-nginx
expect_equal "$(getfattr -n user.granary.tree_digest --only-values by-nginx)" "$first"
"$GRANARY" stat by-nginx --json >stat.json
expect_equal "$(json tree_digest stat.json)" "$first"
"$GRANARY" umount by-nginx

# From the cache alone it is the same, and nginx hears of no object a second time.
objects() { grep -c 'GET /objects/' nginx/access.log || true; }
before=$(objects)
"$GRANARY" mount "$url" by-nginx --trust trust --cache cache --state state
tar cf - -C by-nginx . | cat >tarred
expect_equal "$(objects)" "$before" "objects fetched again"
rm tarred
"$GRANARY" umount by-nginx
stop "$nginx_process"

start_serve repository
"$GRANARY" mount "$url" by-granary --trust trust --cache another --state state
same_tree tree by-granary
"$GRANARY" umount by-granary

echo sown >>tree/etc/motd
"$GRANARY" publish repository tree --json >second.json
[ "$(json new_bytes second.json)" -lt 500000 ] || fail "one changed file cost $(json new_bytes second.json) bytes"
[ "$(json tree_digest second.json)" != "$first" ] || fail "the tree digest did not change"
"$GRANARY" publish repository tree --checksum --json >third.json
expect_equal "$(json tree_digest third.json)" "$(json tree_digest second.json)" "read anew"
"$GRANARY" mount "$url" by-granary --trust trust --cache cache --state state
same_tree tree by-granary
