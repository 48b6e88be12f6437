# Prometheus: text that an independent parser accepts, of several mounts at once, over HTTP, a unix socket and a file; a
# mount that hangs loses only its own lines.
# needs: root fuse curl

mkdir source
for i in $(seq 20); do head -c 50000 /dev/urandom >"source/file$i"; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null
start_serve repo
mkdir one two
"$GRANARY" mount "$url" one --trust trust --cache cache --state state --log one.log
"$GRANARY" mount "$url" two --trust trust --cache cache2 --state state --log two.log
cat one/* >/dev/null
cat one/* >/dev/null
! cat one/nothing 2>/dev/null

check() { $PYTHON "$SUPPORT/check_metrics.py" "$1" >"$1.json" || fail "not as it should be: $(head -50 "$1")"; }
# value FILE NAME LABEL...: of the one sample that has them.
value() {
  $PYTHON - "$@" <<'END'
import json, sys
file, name, *labels = sys.argv[1:]
found = [v for k, v in json.load(open(file + ".json")).items()
         if k.startswith(name + "{") and all(label in k for label in labels)]
assert len(found) == 1, f"{len(found)} samples of {name} {labels}"
print(int(found[0]))
END
}

"$GRANARY" metrics one two >text
check text
expect_equal "$(value text granary_up "mount=\"$PWD/one\"")" 1
[ "$(value text granary_operation_duration_seconds_count "mount=\"$PWD/one\"" 'operation="read"' 'outcome="miss"')" -ge 1 ] || fail "no misses"
[ "$(value text granary_operation_duration_seconds_count "mount=\"$PWD/one\"" 'operation="readdirplus"' 'outcome="hit"')" -ge 1 ] || fail "no hits"
[ "$(value text granary_operation_errors_total "mount=\"$PWD/one\"" 'errno="ENOENT"')" -ge 1 ] || fail "no ENOENT"
expect_equal "$(value text granary_read_bytes_total "mount=\"$PWD/one\"")" 1000000
expect_equal "$(value text granary_read_bytes_total "mount=\"$PWD/two\"")" 0

# A file for node_exporter, a unix socket, HTTP.
"$GRANARY" metrics one two --textfile granary.prom
check granary.prom
background "$GRANARY" metrics one two --listen 127.0.0.1:0
until_true 10 grep -q '^serving' "$started_log"
address=$(sed 's/^serving metrics at //' "$started_log")
curl -sfi "$address" >answer
grep -q '^Content-Type: text/plain; version=0.0.4' answer || fail "wrong type: $(head -5 answer)"
curl -sf "$address" >http
check http
expect_equal "$(curl -s -o nothing -w '%{http_code}' "${address%/metrics}/other")" 404
stop "$started"
background "$GRANARY" metrics one two --listen "unix:$PWD/socket" --timeout 1
until_true 10 test -S socket
expect_fail 11 "$GRANARY" metrics --listen "unix:$PWD/socket"
curl -sf --unix-socket socket http://host/metrics >unix
check unix

# One hangs: it loses its own lines, and says so.
"$GRANARY" stat two --json >stat.json
worker=$(json worker_pid stat.json)
kill -STOP "$worker"
curl -sf --max-time 10 --unix-socket socket http://host/metrics >hung
kill -CONT "$worker"
check hung
expect_equal "$(value hung granary_up "mount=\"$PWD/two\"")" 0
expect_equal "$(value hung granary_up "mount=\"$PWD/one\"")" 1
expect_equal "$(value hung granary_read_bytes_total "mount=\"$PWD/one\"")" 1000000
grep -q "^granary_reads_total.*$PWD/two" hung && fail "lines of a mount that did not answer"
"$GRANARY" umount one two
