# tools/dev bench on a small tree: it checks what its targets give, and does not measure one that gives other bytes.
# needs: root fuse nginx
# timeout: 400

# bench BIN OPTIONS...: one round; the report is in $WORK/report.md.
bench() {
  local programs=$1
  shift
  HOME=$OUTER_HOME $PYTHON "$ROOT/tools/bench/bench.py" --bin "$programs" --kind small --runs 1 --work "$WORK" \
    --output "$WORK/report.md" --raw "$WORK/raw.json" "$@"
}
small_tree "$WORK/warm-up" && rm -rf --one-file-system "$WORK/warm-up"  # skips where no tree can be made

bin=$(dirname "$GRANARY")
bench "$bin" --only cold,link,directory --rate 1G --rtt 2ms --directory 2000
for row in '^| tar | [0-9.]* | [0-9.]* | [0-9.]* |$' '^| cat of 1,000 small files | [0-9.]* | [0-9.]* | [0-9.]* |$' \
  '^| fresh mount, warm cache | [0-9.]* | – |$' '^| link: mount | ≤ 0.112 s | '; do
  grep -q -- "$row" report.md || fail "no row $row in: $(cat report.md)"
done
! grep -q "^Not measured" report.md || fail "not everything was measured: $(sed -n '/^Not measured/,$p' report.md)"

# A granary that publishes another tree: one byte of one file differs, no size does.
mkdir wrong
ln -s "$bin/granary-mount" "$bin/emulated-link" wrong/
cat >wrong/granary <<'SCRIPT'
#!/bin/bash
granary=BIN/granary
if [ "$1" != publish ] || [ ! -e "$3/etc/debian_version" ]; then exec $granary "$@"; fi
cp -a "$3/etc/debian_version" "$3.kept"
printf X | dd of="$3/etc/debian_version" conv=notrunc status=none
status=0
$granary "$@" || status=$?
cp -a "$3.kept" "$3/etc/debian_version"
exit $status
SCRIPT
sed -i "s#BIN#$bin#" wrong/granary
chmod +x wrong/granary
expect_fail 1 bench "$WORK/wrong" --only cold
expect_said "WRONG: tar, granary serve: etc/debian_version is"
grep -q "^| cold tar over loopback beside .* | – | not measured |" report.md || fail "an aim was met with other bytes"
grep -q "^- tar, granary serve: etc/debian_version is" report.md || fail "the report does not tell: $(cat report.md)"
expect_equal "$(sed -n 's/^| tar | \([^ ]*\) .*/\1/p' report.md)" – "the time of a wrong target"

expect_fail 2 bench "$bin" --rate 0
expect_said "write it as 100M"
expect_fail 2 bench "$bin" --only reed
expect_said "no such part"
