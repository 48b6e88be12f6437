# What can go wrong with a cook is told with its cause and a remedy, has its own status, and leaves nothing behind.
# needs: root fuse apt-get dpkg-deb gpg clasp
# timeout: 400

. "$SUPPORT/debian.sh"
. "$SUPPORT/cook_archive.sh"
start_cooking
make_package rude 1.0 "Conflicts: greeting"
index_archive
cook() { "$GRANARY" cook "$1.toml" --repo os --cache "$WORK/cache" --no-lock "${@:2}"; }
recipe() { printf 'extends = "minimal"\npackages = [%s]\n' "$2" >"$1.toml"; }
recipe good '"greeting"'

# The request.
recipe unknown '"greting"'
expect_fail 4 cook unknown
expect_said "greeting"  # the nearest
recipe unsatisfiable '"greeting", "rude"'
expect_fail 3 cook unsatisfiable
expect_said "rude"
expect_said "conflicts"
expect_fail 12 "$GRANARY" cook good.toml --repo nowhere --cache "$WORK/cache"
expect_said "granary init"
expect_fail 4 cook good --locked
expect_said "granary lock"
expect_fail 4 "$GRANARY" cook no-such-recipe --repo os
expect_fail 3 "$GRANARY" cook good.toml
expect_said "--repo"
expect_fail 4 "$GRANARY" cook --shell --cache "$WORK/cache"
expect_said "nothing to enter"

# The archive.
cp archive/dists/bookworm/InRelease InRelease
sed -i 's/^Label: Debian/Label: Debiam/' archive/dists/bookworm/InRelease
expect_fail 7 cook good
cp InRelease archive/dists/bookworm/InRelease
rm -r cache/indices cache/downloads 2>/dev/null || true
printf x >>archive/dists/bookworm/main/binary-amd64/Packages.xz
find archive/dists/bookworm/main/binary-amd64/by-hash -type f -exec sh -c 'printf x >>"$1"' sh {} \;
expect_fail 6 cook good
index_archive --date 1577836800 --valid-until 1578441600
expect_fail 8 cook good
index_archive
archive_at "http://127.0.0.1:$(free_port)"
expect_fail 5 cook good
archive_at "file:$archive"

# A package that is something else than its index says.
cp archive/pool/own/greeting_1.0_all.deb kept.deb
head -c "$(stat -c %s kept.deb)" /dev/zero >archive/pool/own/greeting_1.0_all.deb
expect_fail 6 cook good
expect_said "greeting"
cp kept.deb archive/pool/own/greeting_1.0_all.deb

# The disk: nothing of it stays but what is whole.
mkdir small
mount -t tmpfs -o size=60M small small
expect_fail 10 "$GRANARY" cook good.toml --repo os --cache "$WORK/small/cache" --no-lock
expect_said "full"
expect_equal "$(ls small/cache/work 2>/dev/null)" ""
umount small
expect_equal "$("$GRANARY" branch os --all)" ""
"$GRANARY" check os
