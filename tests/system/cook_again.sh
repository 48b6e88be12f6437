# Cooking again from what was kept: identical without a network; what differs is told; what is missing is told.
# needs: root fuse apt-get dpkg-deb gpg clasp
# timeout: 1200

. "$SUPPORT/debian.sh"
. "$SUPPORT/cook_archive.sh"
start_cooking
cat >web.toml <<'END'
extends = "minimal"
packages = ["greeting"]
END

# Without --archive only the lock and the recipe are kept.
"$GRANARY" cook web.toml --repo os --cache "$WORK/cache"
expect_fail 4 "$GRANARY" recook os --offline --cache "$WORK/again"
expect_said "are missing"
expect_said "--archive"
"$GRANARY" recook os --cache "$WORK/again" --json >answer  # the archive still has them
expect_equal "$(json identical answer)" true

# Archived, it is cooked again with the archive and the caches gone.
"$GRANARY" cook web.toml --repo os --cache "$WORK/cache" --archive --json >cooked
expect_equal "$(json archived cooked)" true
expect_equal "$(json changed cooked)" false
mv archive gone && rm -r cache
"$GRANARY" recook os --offline --cache "$WORK/again" >said
grep -q '^identical' said || fail "not identical: $(cat said)"
expect_equal "$(ls again/work)" "" "what is left of the work"
"$GRANARY" check os

# The kept archive is one for any tool: gpgv finds its signature good.
evidence=$("$GRANARY" branch os --all | awk '/cook\/evidence/ { print $1 }')
"$GRANARY" cat os --snapshot "$evidence" keyrings/debian.gpg >key
"$GRANARY" cat os --snapshot "$evidence" archives/debian/dists/bookworm/InRelease >InRelease
gpgv --keyring "$WORK/key" InRelease 2>/dev/null

# A package that gives something else each time: what differs is named, and whose it is.
mv gone archive
mkdir scripts
printf '#!/bin/sh\nset -e\nhead -c 16 /dev/urandom >/usr/share/greeting/version\nhead -c 16 /dev/urandom >/etc/made\n' >scripts/postinst
chmod 755 scripts/postinst
package_scripts=$WORK/scripts make_package greeting 2.0
index_archive
"$GRANARY" cook web.toml --repo os --cache "$WORK/cache" --archive
expect_fail 1 "$GRANARY" recook os --offline --cache "$WORK/again" --json
expect_said '"identical":false'
expect_said '"path":"/etc/made"'
expect_said '"package":"greeting"'
expect_said 'not part of a package'

# Evidence that was tampered with is not believed; a snapshot that was published has none.
"$GRANARY" publish os keys --branch other
expect_fail 4 "$GRANARY" recook os other --offline --cache "$WORK/again"
expect_said "nothing was kept"
