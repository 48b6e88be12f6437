#!/bin/bash
# What `tools/dev micro-parts` runs: the programs of the micro image, static and stripped, into build/micro/parts:
# granary-init, granary-mount, busybox, e2fs (mke2fs, e2fsck and resize2fs in one).
#   make-parts.sh [--again]
#     --again   make the parts that come from Debian's sources even if they were made before
# Debian's libcurl, busybox and e2fsprogs are built from Debian's sources, smaller than Debian's own; sources come
# through this host's apt. They are kept below ${XDG_CACHE_HOME:-~/.cache}/granary/micro: nothing is made twice.
# Exit status: 0 done, 1 not, 2 wrong usage.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/debian_source.sh"
again=
case ${1:-} in
  '') ;;
  --again) again=yes ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "make-parts: not an option: $1; see --help" >&2; exit 2 ;;
esac

need_packages cmake ninja-build g++ make bzip2 xz-utils dpkg-dev pkg-config libc6-dev libssl-dev libsqlite3-dev zlib1g-dev \
  libzstd-dev libfuse3-dev libseccomp-dev nlohmann-json3-dev ca-certificates
flags="-Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-pie"
out=$root/build/micro

# HTTP and HTTPS alone, with proxies; what Debian's has besides needs libraries that exist only as shared ones.
build_curl() {
  local work=$1 version=$2 protocol feature options=()
  fetch_source "$work" curl "$version"
  for protocol in ftp file ldap ldaps rtsp dict telnet tftp pop3 imap smb smtp gopher mqtt; do options+=("--disable-$protocol"); done
  for feature in manual libcurl-option ntlm ntlm-wb tls-srp unix-sockets cookies doh mime dateparse netrc progress-meter \
    alt-svc headers-api hsts websockets crypto-auth get-easy-options openssl-auto-load-config dnsshuffle ares; do
    options+=("--disable-$feature")
  done
  for feature in zlib zstd brotli libidn2 libpsl nghttp2 libssh2 libssh librtmp gssapi libgsasl zsh-functions-dir \
    fish-functions-dir ca-path; do
    options+=("--without-$feature")
  done
  say "building libcurl $version"
  (
    cd "$work/curl" &&
    ./configure -q --prefix="$work/result" --disable-shared --enable-static --with-openssl --enable-threaded-resolver \
      --enable-ipv6 --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt "${options[@]}" \
      CC="$(with_ccache gcc)" CFLAGS="$flags -ffile-prefix-map=$work=." LDFLAGS=-no-pie &&
    make -s -j"$jobs" -C lib install && make -s -C include install && make -s install-pkgconfigDATA
  ) >"$work/build.log" 2>&1 || fail_with "$work/build.log" "cannot build libcurl"
  # Found wherever the folder goes; and told from Debian's own by micro.cmake.
  sed -i 's,^prefix=.*,prefix=${pcfiledir}/../..\ngranary_slim=yes,' "$work/result/lib/pkgconfig/libcurl.pc"
}

build_busybox() {
  local work=$1
  need_packages busybox-static
  mkdir "$work/result"
  cp /bin/busybox "$work/result/busybox"
}

# kept NAME SOURCE BINARY: the folder of NAME, made by build_NAME from Debian's SOURCE unless that was done before.
kept() {
  local name=$1 source=$2 version key
  version=$(source_version "$3")
  key=$name-$(key_of "$source $version" "$(gcc -dumpfullversion)" "$flags" "$(declare -f "build_$name")" "${@:4}")
  [ -z "$again" ] && [ -e "$cache/$key" ] || make_kept "$cache/$key" "build_$name" "$version"
  echo "$cache/$key"
}

# Copies what differs alone: a build that depends on it is not made again for nothing.
place() { cmp -s "$1" "$out/parts/$2" || install -m 755 "$1" "$out/parts/$2"; }

curl=$(kept curl curl libcurl4-openssl-dev)
busybox=$(kept busybox busybox busybox-static)

mkdir -p "$out/parts"
ln -sfn "$curl" "$out/curl"  # where micro.cmake looks for it
cd "$root"
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
fi
cmake --preset micro >"$out/configure.log" 2>&1 || fail_with "$out/configure.log" "cannot configure the micro preset"
cmake --build --preset micro -j"$jobs" >"$out/build.log" 2>&1 || fail_with "$out/build.log" "cannot build the micro preset"
place "$busybox/busybox" busybox
place "$out/bin/granary-mount" granary-mount
place "$out/bin/granary-init" granary-init
ls -l "$out/parts"
