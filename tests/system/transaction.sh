# A branch is edited in place: what was touched is published, hard links stay links, conflicts are refused and lose nothing.
# needs: root fuse
# timeout: 180

"$GRANARY" init repo --name sw.example.org --keys keys >trust.json 2>/dev/null
oddities tree
mkdir -p tree/links tree/gone tree/replaced/below
echo one >tree/links/a && ln tree/links/a tree/links/b && ln tree/links/a tree/c
echo x >tree/gone/x && echo y >tree/replaced/below/y
"$GRANARY" publish repo tree

see() { "$GRANARY" mount repo at --trust trust.json --state "$WORK/state" --cache "$WORK/cache" -o suid,dev; }
mkdir -p edit at

# Every kind of edit at once.
"$GRANARY" transaction begin repo edit
same_tree tree edit
(
  cd edit
  echo two >>links/a                                  # a hard link: all its names change
  rm -r gone
  rm -r replaced && mkdir replaced && echo z >replaced/z   # an opaque directory
  echo new >new && ln new links/new && chmod 4755 new
  mknod device c 1 3 && setfattr -n user.note -v yes device 2>/dev/null || setfattr -n user.note -v yes new
  mv links/b links/moved
  ln -s target symlink
)
mkdir expected && cp -a edit/. expected/
touch -r edit expected
expect_equal "$("$GRANARY" transaction list repo | wc -l)" 1
"$GRANARY" transaction commit repo -m edited
is_mounted edit && fail "the overlay is still mounted"
expect_equal "$("$GRANARY" transaction list repo | wc -l)" 0
see && same_tree expected at && "$GRANARY" umount at
expect_equal "$("$GRANARY" ls -l repo links | awk '{ print $2 }' | sort -u)" "$(printf '2\n3')" "link counts"
"$GRANARY" check repo --deep

# An abort forgets everything.
"$GRANARY" transaction begin repo edit
echo lost >edit/new
"$GRANARY" transaction abort repo
see && same_tree expected at && "$GRANARY" umount at

# Nothing changed: nothing published.
before=$("$GRANARY" log repo -n 1 --json)
"$GRANARY" transaction begin repo edit
"$GRANARY" transaction commit repo edit
expect_equal "$("$GRANARY" log repo -n 1 --json)" "$before"

# Somebody else publishes meanwhile: elsewhere is merged, here is refused; the transaction goes on with every change in place.
"$GRANARY" transaction begin repo edit
echo ours >edit/ours
mkdir other && echo theirs >other/theirs
"$GRANARY" publish repo other --path opt/other
"$GRANARY" transaction commit repo --json >committed
expect_equal "$(json merged committed)" true
expect_equal "$("$GRANARY" cat repo ours opt/other/theirs | tr '\n' ' ')" "ours theirs "

"$GRANARY" transaction begin repo edit
echo ours again >edit/ours
mkdir single && echo theirs >single/ours && "$GRANARY" publish repo single --path single
"$GRANARY" transaction begin repo at   # a second transaction, quicker with the same file
echo quicker >at/ours
"$GRANARY" transaction commit repo at
expect_fail 9 "$GRANARY" transaction commit repo edit
expect_said "/ours"
expect_equal "$(cat edit/ours)" "ours again"
expect_equal "$("$GRANARY" cat repo ours)" quicker
"$GRANARY" transaction abort repo edit

# In use: refused, and still there.
"$GRANARY" transaction begin repo edit
cd edit && background sleep 60 && cd ..
expect_fail 11 "$GRANARY" transaction commit repo
stop "$started"
"$GRANARY" transaction abort repo
expect_fail 4 "$GRANARY" transaction commit repo
expect_fail 4 "$GRANARY" transaction begin repo edit --branch nowhere
