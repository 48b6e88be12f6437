# Debian's source packages, through this host's own apt sources and keys. Sourced after lib.sh.

_host_sources() {
  apt-get indextargets --format '$(SOURCESENTRY)' 'Identifier: Packages' 'Origin: Debian' 2>/dev/null |
    sed 's/:[0-9]*$//' | sort -u
}

# source_version BINARY: the version of the source package that this host's BINARY would come from.
source_version() {
  apt-cache --no-all-versions show "$1" 2>/dev/null | awk '
    /^Version:/ { version = $2 }
    /^Source:/ && NF > 2 { gsub(/[()]/, "", $3); source = $3 }
    /^$/ { exit }
    END { if (source == "") source = version; if (source == "") exit 1; print source }' ||
    dpkg-query -W -f '${source:Version}\n' "$1" 2>/dev/null ||
    fail "apt knows nothing of $1: is a source for Debian configured? Run apt-get update"
}

# fetch_source FOLDER SOURCE VERSION: unpacks a source package as FOLDER/SOURCE. Everything but the addresses and the
# keys is apt's in a state of its own: the host's has no deb-src lines, and needs none. If VERSION has left the archive
# meanwhile, the newest there is.
fetch_source() {
  local folder=$1 source=$2 version=$3 state=$cache/apt log=$1/fetch.log
  local apt=(apt-get -q -o Dir::Etc::SourceList=/nonexistent -o "Dir::Etc::SourceParts=$state/parts"
    -o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache" -o APT::Sandbox::User=root
    -o Acquire::Retries=3 -o Acquire::Languages=none)
  say "fetching the source of $source $version"
  _know_sources "$log" "${apt[@]}"
  (
    cd "$folder"
    "${apt[@]}" source --download-only --only-source "$source=$version" >"$log" 2>&1 ||
      "${apt[@]}" source --download-only --only-source "$source" >>"$log" 2>&1 ||
      fail_with "$log" "cannot fetch Debian's source of $source"
    dpkg-source --no-copy -x "$source"_*.dsc "$source" >"$log" 2>&1 || fail_with "$log" "cannot unpack the source of $source"
  )
}

# Debian's lists of sources, as they are now or were within the hour.
_know_sources() {
  local log=$1 state=$cache/apt entry
  shift
  (
    flock 8
    [ -z "$(find "$state/known" -mmin -60 2>/dev/null)" ] || exit 0
    if [ -z "$(_host_sources)" ] && [ "$(id -u)" = 0 ]; then apt-get update -q >"$log" 2>&1 || true; fi
    [ -n "$(_host_sources)" ] || fail "apt has no source for Debian: see /etc/apt/sources.list.d, then run apt-get update"
    rm -rf "$state"
    mkdir -p "$state"/{parts,lists/partial,cache/archives/partial}
    while read -r entry; do
      case $entry in
        *.sources) sed 's/^Types:.*/Types: deb-src/I' "$entry" >"$state/parts/$(basename "$entry")" ;;
        *) sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$entry" >"$state/parts/$(basename "$entry" .list).list" ;;
      esac
    done < <(_host_sources)
    "$@" update >"$log" 2>&1 || fail_with "$log" "cannot fetch the lists of Debian's sources"
    touch "$state/known"
  ) 8>"$cache/.lock-apt" || exit 1
}
