# The real tree that other cases publish is whole, and the comparison sees it so.
# needs: root mmdebstrap nginx
# timeout: 600

small_tree tree
entries=$(find tree | wc -l)
[ "$entries" -gt 5000 ] || fail "the small tree has only $entries entries"
[ -u tree/srv/oddities/modes/setuid ] || fail "setuid was lost"
[ -S tree/srv/oddities/devices/socket ] || fail "the socket is missing"
[ -n "$(getfattr -n security.capability --only-values tree/srv/oddities/xattrs/capable | tr -d '\0')" ] ||
  fail "capabilities were lost"

cp -a tree copy
same_tree tree copy
chmod u-s copy/srv/oddities/modes/setuid
expect_fail 1 $PYTHON "$SUPPORT/compare_trees.py" tree copy
expect_said "srv/oddities/modes/setuid: mode"

start_nginx tree
curl -sSf -o motd "$url/etc/debian_version"
expect_equal "$(cat motd)" "$(cat tree/etc/debian_version)"
