# Nobody else gets his bytes into a cache: not by a directory of his own, by loose modes, by links, by files left from
# better days, nor by being faster.
# needs: root fuse nginx setpriv

random_files source/lib 5 300000
"$GRANARY" init repo --name sw.example.org --keys keys >trust 2>/dev/null
"$GRANARY" publish repo source >/dev/null
start_nginx repo
mkdir mnt
mkdir -m 1777 shared
chmod 755 "$WORK"
as_mallory() { setpriv --reuid 4711 --regid 4711 --clear-groups "$@"; }
mount_it() { "$GRANARY" mount "$url" mnt --trust trust --state state --log "$WORK/mount.log" --cache "$1"; }
right() { same_tree source mnt; }

# He was there first: with a directory, a link to one, a link to one of ours that is no cache.
as_mallory mkdir -p "$WORK/shared/his/objects"
expect_fail 16 mount_it shared/his
expect_said "it belongs to user 4711"
as_mallory ln -s "$WORK/shared/his" shared/link
expect_fail 16 mount_it shared/link
mkdir -p precious/tmp precious/objects/ab
echo precious | tee precious/tmp/file precious/objects/ab/file precious/letter >/dev/null
as_mallory ln -s "$WORK/precious" shared/trap
mount_it shared/trap 2>said && fail "a directory of something else was taken for a cache"
for file in tmp/file objects/ab/file letter; do [ "$(cat precious/$file)" = precious ] || fail "precious/$file is gone"; done
expect_fail 3 mount_it repo
expect_said "is no cache of Granary's"

# Modes that let him in.
mkdir -m 777 shared/open
expect_fail 16 mount_it shared/open
expect_said "others may write into it"

# A cache in a sticky directory, ours: he can neither write, remove nor replace.
mount_it shared/cache
right
as_mallory sh -c 'rm -rf shared/cache; mv shared/cache shared/elsewhere; echo poison >shared/cache/objects/poison' 2>/dev/null || true
[ -d shared/cache/objects ] || fail "he could remove it"
"$GRANARY" umount mnt

# What he owns inside, from when the modes were loose: a directory is refused, a file is no object.
chown 4711 shared/cache/objects/"$(ls shared/cache/objects | first)"
expect_fail 16 mount_it shared/cache
expect_said "it belongs to user 4711"
chown -R root shared/cache
victim=$(find shared/cache/objects -type f | first)
mount_it shared/cache
right
"$GRANARY" umount mnt
chown 4711 "$victim"
mount_it shared/cache
right
as_mallory sh -c "echo poison >$victim" 2>/dev/null || true
right
"$GRANARY" umount mnt
[ ! -e "$victim" ] || expect_equal "$(stat -c %u "$victim")" 0

# A hard link of an object elsewhere, through which it could be changed; a symbolic link in place of one.
victim=$(find shared/cache/objects -type f | first)
mkdir -m 777 shared/links
ln "$victim" shared/links/hard
mount_it shared/cache
right
echo poison >shared/links/hard
right
"$GRANARY" umount mnt
victim=$(find shared/cache/objects -type f | first)
mv "$victim" kept
ln -s "$WORK/kept" "$victim"
mount_it shared/cache
right
[ ! -L "$victim" ] || fail "a link was followed"
"$GRANARY" umount mnt

# He makes the directory at the moment we do: one of the two has it, never both.
for round in $(seq 15); do
  as_mallory mkdir "shared/race$round" 2>/dev/null &
  maker=$!
  if mount_it "shared/race$round" 2>/dev/null; then
    expect_equal "$(stat -c %u "shared/race$round")" 0
    "$GRANARY" umount mnt
  else
    expect_equal "$(stat -c %u "shared/race$round")" 4711
  fi
  wait "$maker" || true
done
