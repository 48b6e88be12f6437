# `granary check --deep` takes the good repositories of the second writer and refuses those that break docs/format.md.
# timeout: 300

export PYTHONDONTWRITEBYTECODE=1
$PYTHON "$ROOT/tests/independent/cases.py" cases 2>said || fail "cannot make the cases: $(cat said)"
checked=0
while read -r name verdict _; do
  status=0
  "$GRANARY" check "cases/$name/repo" --trust "cases/$name/trust.json" --deep >said 2>&1 || status=$?
  case $name:$verdict in
    expired:* | *:record) ;;  # a check is not about freshness, nor about what later numbers may be
    *:good) expect_equal "$status" 0 "$name: $(tail -1 said)" ;;
    *) [ "$status" -gt 2 ] && [ "$status" -lt 30 ] || fail "$name, a bad repository, ended with status $status: $(tail -1 said)" ;;
  esac
  checked=$((checked + 1))
done <cases/cases.txt
[ $checked -gt 100 ] || fail "only $checked repositories were checked"
