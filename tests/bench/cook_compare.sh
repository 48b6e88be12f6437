#!/bin/bash
# tools/dev cook-compare: cooks recipes both ways, by ourselves and by dpkg alone, and compares the trees' digests. From this
# host's own apt sources. Needs root.
#   cook-compare [--bin DIR] [RECIPE...]    default: the ready-made minimal, server, python-analysis, of both suites
# Exit status: 0 all equal, 1 some differ (`granary diff` shows where; the work is kept), 2 wrong usage.
set -euo pipefail

bin=$(cd "$(dirname "$0")/../.." && pwd)/build/dev/bin
while [ $# -gt 0 ]; do
  case $1 in
    --bin) bin=$(realpath "$2"); shift 2 ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "cook-compare: no such option: $1" >&2; exit 2 ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || set -- minimal server python-analysis minimal-trixie server-trixie python-analysis-trixie

export PATH=$bin:$PATH
work=$(mktemp -d "${TMPDIR:-/tmp}/cook-compare.XXXXXX")
differing=0
granary init "$work/os" --name compare.example.org --keys "$work/keys" >/dev/null
for recipe in "$@"; do
  name=$(basename "$recipe" .toml)
  granary lock "$recipe" -o "$work/$name.lock"
  for way in fast reference; do
    option=
    [ $way = fast ] || option=--reference
    granary cook "$work/$name.lock" --repo "$work/os" --branch "$name-$way" --cache "$work/cache" --no-tests --json $option \
      >"$work/$name.$way"
  done
  digests=$(sed -n 's/.*"tree_digest": *"\([0-9a-f]*\)".*/\1/p' "$work/$name.fast" "$work/$name.reference" | sort -u | wc -l)
  if [ "$digests" = 1 ]; then
    echo "$name: the same tree both ways"
  else
    echo "$name: DIFFERENT: granary diff $work/os $name-fast $name-reference"
    differing=1
  fi
done
[ $differing != 0 ] || rm -rf --one-file-system "$work"
exit $differing
