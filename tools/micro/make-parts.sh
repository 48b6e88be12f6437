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

need_packages cmake ninja-build g++ make bzip2 xz-utils dpkg-dev pkg-config musl-tools linux-libc-dev libssl-dev \
  libsqlite3-dev zlib1g-dev libzstd-dev libfuse3-dev libseccomp-dev nlohmann-json3-dev
flags="-Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-pie"
linking="-no-pie -Wl,--gc-sections,-z,norelro,--build-id=none"
# Of a small C program glibc would be the larger part. The kernel's headers lie among glibc's.
musl="musl-gcc -idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
out=$root/build/micro
lean=()  # built by build_lean
for name in crypto ssl sqlite3 z zstd seccomp; do lean+=("/usr/lib/$(gcc -print-multiarch)/lib$name.a"); done

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

# Debian's static libraries of C code without their tables for exceptions, which never pass through them: 0.6 MB.
build_lean() {
  local work=$1 library
  mkdir "$work/result"
  for library in ${lean[*]}; do
    objcopy --remove-section=.eh_frame --remove-section=.comment "$library" "$work/result/$(basename "$library")" ||
      fail "cannot make a lean copy of $library"
  done
}

# Everything that busybox.config does not name is off.
build_busybox() {
  local work=$1 version=$2 line lost=
  fetch_source "$work" busybox "$version"
  cd "$work/busybox"
  say "building busybox $version"
  local compilers=(CC="$(with_ccache "$musl")" HOSTCC="$(with_ccache gcc)")
  make -s "${compilers[@]}" allnoconfig >"$work/build.log" 2>&1 || fail_with "$work/build.log" "cannot configure busybox"
  {
    cat "$here/busybox.config"
    find . -name Config.in -exec sed -n 's/^[[:space:]]*config \([A-Z0-9_]*\)$/# CONFIG_\1 is not set/p' {} +
  } >.config
  { yes '' || true; } | make -s "${compilers[@]}" oldconfig >"$work/build.log" 2>&1 ||
    fail_with "$work/build.log" "cannot configure busybox"
  while read -r line; do
    case $line in CONFIG_*) grep -qxF "$line" .config || lost+=" $line" ;; esac
  done <"$here/busybox.config"
  [ -z "$lost" ] || fail "busybox did not take:$lost (something they depend on is missing in busybox.config)"
  make -s -j"$jobs" "${compilers[@]}" EXTRA_CFLAGS="$flags" EXTRA_LDFLAGS="$linking" busybox >"$work/build.log" 2>&1 ||
    fail_with "$work/build.log" "cannot build busybox"
  mkdir "$work/result"
  cp busybox "$work/result/"
}

# part_of_e2fs NAME OBJECTS...: one of the programs as an object file, whose main function has the program's name.
part_of_e2fs() {
  local name=$1
  shift
  ld -r -o "$name.whole.o" "$@"
  objcopy --redefine-sym "main=${name}_main" "$name.whole.o"
  objcopy --keep-global-symbol="${name}_main" "$name.whole.o"
}

# mke2fs's own configuration is compiled in by e2fsprogs.
build_e2fs() {
  local work=$1 version=$2 feature options=()
  fetch_source "$work" e2fsprogs "$version"
  for feature in nls elf-shlibs debugfs imager defrag fsck e2initrd-helper uuidd tdb bmap-stats rpath fuse2fs \
    testio-debug backtrace tls; do
    options+=("--disable-$feature")
  done
  for feature in pthread udev-rules-dir crond-dir systemd-unit-dir; do options+=("--without-$feature"); done
  say "building mke2fs, e2fsck and resize2fs $version"
  (
    mkdir "$work/objects" && cd "$work/objects" &&
    "$work/e2fsprogs/configure" -q "${options[@]}" --enable-libuuid --enable-libblkid \
      CC="$(with_ccache "$musl")" CFLAGS="$flags" LDFLAGS="-static -no-pie" &&
    make -s -j"$jobs" subs && make -s -j"$jobs" libs &&
    make -s -j"$jobs" -C misc mke2fs && make -s -j"$jobs" -C e2fsck e2fsck && make -s -j"$jobs" -C resize resize2fs &&
    part_of_e2fs mke2fs misc/{mke2fs,util,default_profile,mk_hugefiles,create_inode}.o &&
    part_of_e2fs e2fsck e2fsck/*.o &&
    part_of_e2fs resize2fs resize/{extent,resize2fs,main,online,sim_progress,resource_track}.o &&
    $musl $flags -c -o e2fs.o "$here/e2fs.c" && mkdir "$work/result" &&
    $musl -static -s $linking -o "$work/result/e2fs" e2fs.o ./*.whole.o \
      lib/lib{support,ext2fs,e2p,blkid,uuid,com_err}.a
  ) >"$work/build.log" 2>&1 || fail_with "$work/build.log" "cannot build e2fsprogs"
}

# keep NAME VERSION [FILE...]: lays build/micro/made/NAME, made by build_NAME from VERSION (and FILEs) of its source
# unless that was done before.
keep() {
  local name=$1 version=$2 key
  key=$name-$(key_of "$version" "$(gcc -dumpfullversion) $(dpkg-query -W -f '${Version}' musl-tools)" \
    "$flags $linking $musl" "$(declare -f "build_$name" part_of_e2fs)" "${@:3}")
  [ -z "$again" ] && [ -e "$cache/$key" ] || make_kept "$cache/$key" "build_$name" "$version"
  ln -sfn "$cache/$key" "$out/made/$name"
}

# Copies what differs alone: a build that depends on it is not made again for nothing.
place() { cmp -s "$1" "$out/parts/$2" || install -m 755 "$1" "$out/parts/$2"; }

mkdir -p "$out/parts" "$out/made"
keep curl "$(source_version libcurl4-openssl-dev)" &
makers=($!)
keep busybox "$(source_version busybox-static)" "$here/busybox.config" &
makers+=($!)
keep e2fs "$(source_version e2fsprogs)" "$here/e2fs.c" &
makers+=($!)
keep lean "of this host" "${lean[@]}" &
makers+=($!)
for maker in "${makers[@]}"; do wait "$maker" || exit 1; done

cd "$root"
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
fi
cmake --preset micro >"$out/configure.log" 2>&1 || fail_with "$out/configure.log" "cannot configure the micro preset"
cmake --build --preset micro -j"$jobs" >"$out/build.log" 2>&1 || fail_with "$out/build.log" "cannot build the micro preset"
place "$out/made/busybox/busybox" busybox
place "$out/made/e2fs/e2fs" e2fs
place "$out/bin/granary-mount" granary-mount
place "$out/bin/granary-init" granary-init
ls -l "$out/parts"
