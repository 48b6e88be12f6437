# The Debian package, packed from what is built: complete, in the right places, with what it needs; and installed in a
# root of its own it mounts from there, and goes again.
# needs: root fuse cpack dpkg-deb dpkg-shlibdeps
# timeout: 240

build=$(dirname "$(dirname "$GRANARY")")
[ -f "$build/CPackConfig.cmake" ] || skip "no CPackConfig.cmake in $build"
[ -f "$build/man/granary.1" ] || skip "the manual pages have not been made"
(cd "$build" && cpack -G DEB -B "$WORK/packed" --config "$build/CPackConfig.cmake") >packing.log 2>&1 ||
  fail "cpack failed: $(tail -20 packing.log)"
deb=$(ls packed/granary_*.deb)

dpkg-deb -f "$deb" >control
for line in "Package: granary" "Section: admin" "Recommends: ca-certificates, clasp, fuse3, gpgv"; do
  grep -qxF "$line" control || fail "without '$line': $(cat control)"
done
for library in libfuse3-3 libcurl4 libsqlite3-0 libssl3 libzstd1 libleveldb1d libarchive13 libmicrohttpd12 passwd; do
  grep -q "^Depends:.*$library" control || fail "does not depend on $library: $(grep ^Depends control)"
done
dpkg-deb -c "$deb" >contents
for file in usr/bin/granary usr/bin/granary-mount usr/sbin/mount.granary usr/lib/granary/auto.granary \
  usr/lib/systemd/system-generators/granary-generator usr/lib/systemd/system/granary-renew@.service \
  usr/lib/systemd/system/granary-renew@.timer usr/share/man/man1/granary.1.gz usr/share/man/man1/granary-mount.1.gz \
  usr/share/man/man8/mount.granary.8.gz usr/share/bash-completion/completions/granary \
  usr/share/zsh/vendor-completions/_granary usr/share/doc/granary/copyright usr/share/doc/granary/changelog.gz \
  usr/share/granary/recipes/minimal.toml usr/share/granary/recipes/worker-trixie.toml \
  usr/share/doc/granary/examples/fstab etc/granary/granary.conf etc/granary/conf.d/; do
  grep -q " \./$file\( -> .*\)\?$" contents || fail "without /$file: $(cat contents)"
done
if [ -x "$ROOT/build/micro/parts/granary-mount" ]; then
  for part in granary-init granary-mount busybox e2fs; do
    grep -q "^-rwxr-xr-x .* \./usr/lib/granary/micro/$part$" contents || fail "without the micro image's $part"
  done
fi
! grep -qE "/usr/local|/tmp/|/home/|/root/" contents || fail "a place that is not Debian's: $(cat contents)"
! grep -vqE "^[-dl]([rwx-]{9}) root/root" contents || fail "files of somebody: $(cat contents)"
expect_equal "$(dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./conffiles)" /etc/granary/granary.conf

# The maintainer's scripts and the programs, in a root made of this machine's own /usr.
mkdir -p root/{usr,proc,dev,etc,run,var/lib/dpkg,tmp,site,upper,upper-work} source
ln -s usr/bin root/bin; ln -s usr/sbin root/sbin; ln -s usr/lib root/lib; ln -s usr/lib64 root/lib64
echo hello >source/file
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
cp -a repo trust root/site
cp /etc/passwd /etc/group /etc/shadow /etc/ld.so.cache root/etc
cp -r /etc/alternatives root/etc 2>/dev/null || true
sed -i '/^granary:/d' root/etc/passwd root/etc/group root/etc/shadow
mkdir -p root/var/lib/dpkg/{info,updates}
: >root/var/lib/dpkg/status
cat >inside.sh <<END
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs tmpfs root/upper
mkdir root/upper/upper root/upper/work
mount -t overlay -o lowerdir=/usr,upperdir=root/upper/upper,workdir=root/upper/work overlay root/usr
mount --rbind /dev root/dev
mount -t proc proc root/proc
dpkg --root=$WORK/root --force-depends --force-not-root --log=$WORK/dpkg.log -i $WORK/$deb
cat >root/etc/granary/conf.d/sw.conf <<CONF
[repository sw]
url = /site/repo
mount_point = /site/mnt
automount = no
CONF
cp trust root/etc/granary/sw.trust
mkdir root/site/mnt
run() { chroot root env -i PATH=/usr/sbin:/usr/bin HOME=/root "\$@"; }
run getent passwd granary >/dev/null
run granary showconfig >/dev/null
run mount -t granary sw /site/mnt
run cat /site/mnt/file
run stat -c %U /proc/1 >/dev/null
run granary umount /site/mnt
mkdir root/run/generated
run /usr/lib/systemd/system-generators/granary-generator /run/generated /run/generated /run/generated
ls root/run/generated
[ -d root/var/cache/granary ]
echo "quota" >>root/etc/granary/granary.conf  # the administrator's change
dpkg --root=$WORK/root --force-depends --log=$WORK/dpkg.log -r granary
[ -e root/etc/granary/granary.conf ] && [ -d root/var/cache/granary ] && [ ! -e root/usr/bin/granary ]
dpkg --root=$WORK/root --force-depends --log=$WORK/dpkg.log -P granary
[ ! -e root/etc/granary/granary.conf ] && [ ! -e root/var/cache/granary ] && [ -e root/etc/granary/sw.trust ]
END
unshare -m bash inside.sh >said 2>inside.err || fail "inside: $(cat said inside.err)"
grep -qx hello said && grep -qx site-mnt.mount said || fail "inside: $(cat said inside.err)"

# What Debian's own checker calls an error.
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error "$deb" >said 2>&1 ||
    fail "lintian: $(cat said)"
fi
