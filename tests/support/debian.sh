# What this host knows about the Debian archive; read by scripts that bootstrap a system. Needs apt.

# apt's sources for the Debian archive as this host has them; third-party repositories are left out.
debian_sources() {
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian' \
    2>/dev/null | sort -u
}

# What this host tells apt about reaching the archive (proxies, mirrors that lag), a line each.
host_apt_options() {
  apt-config dump | grep -E '^Acquire::(https?::.*[Pp]roxy|Check-Valid-Until|Check-Date|Retries)' || true
}

# bootstrap_debian DIR VARIANT [OPTIONS...]: a Debian 12 system in the empty directory DIR, with mmdebstrap.
bootstrap_debian() {
  local tree=$1 variant=$2 sources=$1.list option
  local args=(--mode=root --format=directory --variant="$variant" --dpkgopt=force-unsafe-io)
  shift 2
  [ -n "$(debian_sources)" ] || apt-get update -q >&2 || return 1
  debian_sources >"$sources"
  [ -s "$sources" ] || { echo "apt has no source for the Debian archive; see /etc/apt/sources.list" >&2; return 1; }
  while read -r option; do
    [ -z "$option" ] || args+=(--aptopt="${option%;}")
  done < <(host_apt_options)
  mmdebstrap "${args[@]}" "$@" bookworm "$tree" "$sources" >&2 || return 1
  rm -f "$sources" "$tree/etc/apt/apt.conf.d/99mmdebstrap" "$tree/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
}
