# The fast way and dpkg's own give the same tree, to the byte; so do two cooks in different places, on different days.
# needs: root fuse apt-get dpkg-deb tar gpg clasp
# timeout: 600

. "$SUPPORT/debian.sh"
. "$SUPPORT/cook_archive.sh"
start_archive archive || skip "no packages of Debian here"

# A package with all that unpacking has to care about: a preinst that diverts, overrides and asks what is there,
# configuration files, hard links, set-id files, a link to a directory, triggers on a path.
mkdir -p scripts awkward/etc/awkward awkward/usr/bin awkward/usr/share/awkward/deep awkward/usr/share/awkward.d
cat >scripts/preinst <<'EOF'
#!/bin/sh
set -e
[ "$1" = install ] && [ "$DPKG_MAINTSCRIPT_NAME" = preinst ] && [ "$DPKG_MAINTSCRIPT_PACKAGE" = awkward ]
dpkg-query -W -f '${Status}\n' base-files >/dev/null
dpkg-divert --package awkward --add --no-rename --divert /usr/share/awkward/elsewhere /usr/share/awkward/diverted
dpkg-divert --package other --add --no-rename --divert /usr/share/awkward/theirs /usr/share/awkward/given-way
dpkg-statoverride --add root mail 2750 /usr/share/awkward/overridden
touch /run/left-behind /tmp/left-behind
EOF
cat >scripts/postinst <<'EOF'
#!/bin/sh
set -e
[ "$1" != triggered ] || date >/dev/null
[ "$1" != configure ] || stat -c '%a %U %G %n' /usr/share/awkward/* /etc/awkward/* >/usr/share/awkward.d/seen
cat /proc/1/comm >/dev/null
! [ -e /run/left-behind ] || exit 9
hostname >/usr/share/awkward.d/host
env | sort | grep -vE '^(DPKG|DEBIAN|PWD|OLDPWD|_=|SHLVL)' >/usr/share/awkward.d/environment
ls /proc/self/fd | wc -l >/usr/share/awkward.d/descriptors
ip=$(ls /sys | wc -l)
echo "$ip" >/usr/share/awkward.d/sys
EOF
chmod 755 scripts/p*inst
printf 'interest-noawait /usr/share/awkward.d\n' >scripts/triggers
printf '/etc/awkward/one\n/etc/awkward/two\n' >scripts/conffiles
echo 1 >awkward/etc/awkward/one
echo 2 >awkward/etc/awkward/two
for name in diverted given-way overridden plain; do echo "$name" >"awkward/usr/share/awkward/$name"; done
ln awkward/usr/share/awkward/plain awkward/usr/share/awkward/deep/same
ln -s deep awkward/usr/share/awkward/link
cp /bin/true awkward/usr/bin/awkward
chmod 4755 awkward/usr/bin/awkward
package_tree=awkward package_scripts=scripts make_package awkward 1.0
index_archive

cat >awkward.toml <<'END_OF_RECIPE'
description = "for a test"
extends = "minimal"
packages = ["awkward"]
END_OF_RECIPE
cook() {
  "$GRANARY" init "$1" --name "$1.example.org" --keys "keys-$1" >/dev/null 2>&1
  "$GRANARY" cook awkward.toml --repo "$1" --cache "$WORK/cache-$1" --json "${@:2}" >"$1.json"
}
cook fast
cook again --locked
cook slow --locked --reference
expect_equal "$(json tree_digest again.json)" "$(json tree_digest fast.json)" "the same lock elsewhere"
expect_equal "$(json tree_digest slow.json)" "$(json tree_digest fast.json)" "the same lock, left to dpkg"
expect_equal "$("$GRANARY" cat fast usr/share/awkward.d/host)" localhost
expect_equal "$("$GRANARY" cat fast usr/share/awkward.d/sys)" 0 "entries of /sys"
