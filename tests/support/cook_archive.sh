# A Debian archive of the test's own: real packages of the base system, fetched once a machine from the host's apt
# sources, and small ones that the test makes; with a signing key, indices and dates that the test controls. Served from
# files, or over loopback with start_nginx. Needs apt-get, dpkg-deb, gpg. To be read after debian.sh.

# cook_packages DIR: the .debs of a small bookworm system (the Essential packages, apt, certificates, less) in DIR, from
# ~/.cache of this machine, or fetched; fails when neither can be. Of cases that begin together one fetches, the others
# wait for it.
cook_packages() {
  local kept=${OUTER_HOME:-$HOME}/.cache/granary/cook-packages
  mkdir -p "$(dirname "$kept")"
  (flock 9 && { [ -d "$kept" ] || _fetch_cook_packages "$kept"; }) 9>"$kept.lock" || return 1
  mkdir -p "$1"
  cp --reflink=auto "$kept"/*.deb "$1/"
}

_fetch_cook_packages() {
  local kept=$1 file
  rm -rf "$kept.new" && mkdir -p "$kept.new/partial" && : >"$kept.new/status" || return 1
  [ -n "$(debian_sources)" ] || apt-get update -q >&2 || return 1
  # An empty status file: nothing counts as installed, so that all of the closure comes.
  apt-get install -qq -y --download-only -t bookworm -o "Dir::State::status=$kept.new/status" \
    -o "Dir::Cache::archives=$kept.new" -o Debug::NoLocking=1 -o APT::Install-Recommends=0 -o APT::Sandbox::User=root \
    '?essential' usr-is-merged apt ca-certificates debian-archive-keyring less >&2 || return 1
  rm -rf "$kept.new/partial" "$kept.new/status" "$kept.new/lock"
  for file in "$kept.new"/*%3a*.deb; do mv "$file" "${file/_[0-9]*%3a/_}" || return 1; done  # as the archive names them: no epoch
  mv -T "$kept.new" "$kept"
}

# start_archive DIR: DIR becomes an archive with those packages in pool/base, signed by a new key; GRANARY_APT_SOURCES
# (DIR.apt) names it from now on. $archive is DIR, $archive_key the keyring. Its suite is bookworm, its date 2026-01-01.
start_archive() {
  archive=$(realpath -m "$1")
  archive_gnupg=$(mktemp -d "${TMPDIR:-/tmp}/gnupg.XXXXXX")  # short: gpg's sockets have short paths
  mkdir -p "$archive/pool/own"
  chmod 700 "$archive_gnupg"
  cook_packages "$archive/pool/base" || return 1
  gpg --homedir "$archive_gnupg" --batch --quiet --passphrase '' --quick-generate-key "archive@example.org" rsa2048 sign never
  archive_key=$archive.apt/archive.gpg
  mkdir -p "$archive.apt"
  gpg --homedir "$archive_gnupg" --batch --export >"$archive_key"
  index_archive
  archive_at "file:$archive"
}

# archive_at URL [KEYRING]: where this host's apt is said to find it, for granary alone.
archive_at() {
  export GRANARY_APT_SOURCES=$archive.apt
  mkdir -p "$GRANARY_APT_SOURCES"
  printf 'Types: deb\nURIs: %s\nSuites: bookworm\nComponents: main\nSigned-By: %s\n' "$1" "${2:-$archive_key}" \
    >"$GRANARY_APT_SOURCES/debian.sources"
}

# index_archive [OPTIONS...]: lists and signs anew what lies in $archive/pool; OPTIONS are make_archive.py's, such as
# --date or --valid-until.
index_archive() {
  /usr/bin/python3 "$SUPPORT/make_archive.py" "$archive" --suite bookworm --gnupg "$archive_gnupg" \
    --architecture "$(dpkg --print-architecture)" "$@"
}

# make_package NAME VERSION [FIELD...]: a package of the test's own in $archive/pool/own, for all architectures, with
# fields such as "Depends: less". What lies in $package_tree is in it; scripts such as $package_scripts/postinst too.
# Without any, it has a file usr/share/NAME/version. Older versions of NAME stay. index_archive lists it.
make_package() {
  local name=$1 version=$2 build
  shift 2
  build=$(mktemp -d "$WORK/package.XXXXXX")
  chmod 755 "$build"
  if [ -n "${package_tree:-}" ]; then
    cp -a "$package_tree/." "$build/"
  else
    mkdir -p "$build/usr/share/$name"
    echo "$version" >"$build/usr/share/$name/version"
  fi
  mkdir "$build/DEBIAN"
  [ -z "${package_scripts:-}" ] || cp -a "$package_scripts/." "$build/DEBIAN/"
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n' "$name" "$version"
    [ $# = 0 ] || printf '%s\n' "$@"
    printf 'Description: made for a test\n'
  } >"$build/DEBIAN/control"
  (cd "$build" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 -r md5sum >DEBIAN/md5sums)
  find "$build" -exec touch -h -d 2025-06-01T00:00:00Z {} +
  SOURCE_DATE_EPOCH=1748736000 dpkg-deb --root-owner-group -Zgzip --build "$build" \
    "$archive/pool/own/${name}_${version}_all.deb" >/dev/null
  rm -r "$build"
}

# start_cooking: the archive `archive` with a package greeting 1.0 of the test's own, and an empty repository os; skips the
# case where there are no packages.
start_cooking() {
  start_archive archive || skip "no packages of Debian here"
  make_package greeting 1.0
  index_archive
  "$GRANARY" init os --name os.example.org --keys keys >trust.json 2>/dev/null
}
