#!/bin/bash
# What `tools/dev kernel` runs: the tiny kernel of micro images, from Debian's linux-source-6.1, into build/micro/kernel.
#   make-kernel.sh [--fast] [--again]
#     --fast    with -O2 instead of -Os: 0.6 MB larger, the faster one where every instruction is emulated
#     --again   build it even if it was built before
# Some ten CPU minutes (`-j$JOBS`, all cores by default; ccache is used if present). The result is kept below
# ${XDG_CACHE_HOME:-~/.cache}/granary/micro: one configuration of one source is built once. The same configuration, source
# and compiler give the same bytes.
# Exit status: 0 done, 1 not, 2 wrong usage.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
source_package=linux-source-6.1
source_archive=/usr/src/linux-source-6.1.tar.xz
build_packages="$source_package bc bison flex gcc libc6-dev libelf-dev make xz-utils"
variant=small again=
for argument in "$@"; do
  case $argument in
    --fast) variant=fast ;;
    --again) again=yes ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "make-kernel: not an option: $argument; see --help" >&2; exit 2 ;;
  esac
done
out=$root/build/micro/kernel
config=("$here/kernel.config" "$here/kernel-$variant.config")

need_packages $build_packages
version=$(dpkg-query -W -f '${Version}' $source_package)
key=kernel-$variant-$(key_of "$version" "$(gcc -dumpfullversion)" "${config[@]}" "$0")
kept=$cache/$key

# Every line of the fragments must hold in the result: kconfig drops silently what lacks something.
check_config() {
  local line name lost=
  while read -r line; do
    case $line in
      CONFIG_*) grep -qxF "$line" .config || lost+=" ${line}" ;;
      '# CONFIG_'*' is not set') name=${line#\# } name=${name%% *}; ! grep -q "^$name=" .config || lost+=" $name=n" ;;
    esac
  done < <(cat "${config[@]}")
  [ -z "$lost" ] || fail "the kernel did not take:$lost (something they depend on is missing in kernel.config)"
}

build() {
  local work=$1 objects=$1/objects
  say "unpacking $source_archive"
  mkdir -p "$objects"
  tar -C "$work" -xf "$source_archive"
  cd "$work/$source_package"
  # Nothing of the machine and the hour goes into the kernel.
  KBUILD_BUILD_TIMESTAMP=$(date -u -r "$source_archive")
  export KBUILD_BUILD_TIMESTAMP KBUILD_BUILD_USER=granary KBUILD_BUILD_HOST=granary KBUILD_BUILD_VERSION=1
  local compiler=(CC="$(with_ccache gcc)" HOSTCC="$(with_ccache gcc)")
  make -s O="$objects" "${compiler[@]}" tinyconfig kvm_guest.config >"$work/config.log" 2>&1 ||
    fail_with "$work/config.log" "cannot configure the kernel"
  cd "$objects"
  cat "${config[@]}" >>.config
  make -s "${compiler[@]}" olddefconfig >"$work/config.log" 2>&1 || fail_with "$work/config.log" "cannot configure the kernel"
  check_config
  say "building Linux $version, $variant (some ten CPU minutes)"
  make -s -j"$jobs" "${compiler[@]}" KCFLAGS="-ffile-prefix-map=$work=." bzImage >"$work/build.log" 2>&1 ||
    fail_with "$work/build.log" "cannot build the kernel"
  mkdir "$work/result"
  cp arch/x86/boot/bzImage "$work/result/vmlinuz"
  cp .config "$work/result/config"
  echo "Linux $version ($variant)" >"$work/result/described"
  make -s kernelrelease >"$work/result/version"
}

if [ -n "$again" ] || [ ! -f "$kept/vmlinuz" ]; then
  make_kept "$kept" build
fi
mkdir -p "$out"
cp "$kept"/{vmlinuz,config,version,described} "$out/"
printf '%s: %s bytes, %s\n' "$out/vmlinuz" "$(stat -c %s "$out/vmlinuz")" "$(cat "$out/described")"
