# Profiles on the publishing side: attached, carried over, replaced, mirrored, refused; the second reader reads them, too.

export XDG_CONFIG_HOME=$WORK/config XDG_STATE_HOME=$WORK/state
# trace SNAPSHOT PATH…: a trace of whole files of tree/, as recording writes it.
trace() {
  "$PYTHON" -c '
import hashlib, json, sys
entries = [{"directory": ""}]
for path in sys.argv[3:]:
    content = open("tree/" + path, "rb").read()
    entries.append({"file": path, "content": hashlib.sha256(content).hexdigest(), "ranges": [[0, len(content)]]})
print(json.dumps({"granary": "trace", "format": 1, "repository": sys.argv[1], "snapshot": sys.argv[2], "time": "2026-11-21T08:00:00Z", "entries": entries},
                 sort_keys=True, separators=(",", ":")), end="")' "$@"
}
second_reader() { "$PYTHON" -B "$ROOT/tests/independent/granary_reader.py" "$@"; }

"$GRANARY" init repo --name sw.example.org --keys keys >trust.json 2>/dev/null
uuid=$("$GRANARY" inspect repo head --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["record"]["document"]["repository"])')
mkdir -p tree/bin tree/lib && for i in 1 2 3 4 5 6; do head -c 100000 /dev/urandom >tree/lib/$i; done
head -c 700000 /dev/urandom >tree/bin/large && echo hello >tree/motd
"$GRANARY" publish repo tree -m first --tag v1 --json >first
trace "$uuid" "$(json snapshot first)" lib/5 bin/large lib/1 >boot.trace

# Attached: found by name, shown, and part of neither snapshot nor tree.
"$GRANARY" profile attach repo main boot.trace --name boot --json >attached
expect_equal "$(json touches attached)/$(json kept attached)" 4/4
expect_equal "$("$GRANARY" log repo --json | "$PYTHON" -c 'import json, sys; line = json.load(sys.stdin); print(line["snapshot"], line["profiles"])')" "$(json snapshot first) ['boot']"
expect_equal "$("$GRANARY" profile list repo | wc -l)" 1
"$GRANARY" profile show repo main boot --json >shown
expect_equal "$(json objects attached)" "$("$PYTHON" -c 'import json; print(len(json.load(open("shown"))["fetches"]))')"
"$GRANARY" profile show boot.trace | says -F /bin/large || fail "profile show does not show what was touched"
"$GRANARY" inspect repo "$("$PYTHON" -c 'import json; print(json.load(open("shown"))["plan"])')" | says -F "plan of a profile" || fail "inspect does not know a plan"
second_reader profile repo boot --trust trust.json >planned || fail "the second reader does not read the profile"
expect_equal "$(wc -l <planned)" "$(json objects attached)"
start_serve repo
expect_equal "$("$GRANARY" profile list "$url" main --trust trust.json | wc -l)" 1

# Carried over by publish; what changed is left out.
head -c 100000 /dev/urandom >tree/lib/5 && "$GRANARY" publish repo tree -m second --json >second
expect_equal "$(json profiles.0.kept second)/$(json profiles.0.touches second)" 3/4
second_reader profile repo boot --trust trust.json >planned || fail "the second reader does not read the carried profile"
expect_equal "$("$GRANARY" profile show repo main boot --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["base"])')" "$(json snapshot first)"
"$GRANARY" rollback repo v1 --json >rolled
expect_equal "$(json profiles.0.kept rolled)" 4

# Replaced, detached.
trace "$uuid" "$(json snapshot first)" motd >small.trace
"$GRANARY" profile attach repo main small.trace -n boot | says -F "in the place of an older one" || fail "not replaced"
expect_equal "$("$GRANARY" profile list repo main | wc -l)" 1
"$GRANARY" profile detach repo main boot
expect_equal "$("$GRANARY" profile list repo main | wc -l)" 0
expect_fail 4 "$GRANARY" profile show repo main boot
expect_fail 4 "$GRANARY" profile detach repo main boot
expect_fail 4 "$GRANARY" profile show repo v1 other
expect_said "it has boot"

# Refused, with what is wrong.
head -c 200 boot.trace >cut.trace
expect_fail 3 "$GRANARY" profile attach repo main cut.trace -n boot
expect_said "not all of one"
trace 6f9619ff-8b86-4d01-b42d-00cf4fc964ff "$(json snapshot first)" motd >foreign.trace
expect_fail 23 "$GRANARY" profile attach repo main foreign.trace -n boot
expect_said "was recorded on repository"
trace "$uuid" "$(printf '%064d' 7)" motd >unknown.trace
expect_fail 3 "$GRANARY" profile attach repo main unknown.trace -n boot
expect_said "which is not in this repository"
expect_fail 3 "$GRANARY" profile attach repo main boot.trace -n "no good"
expect_fail 4 "$GRANARY" profile attach repo main missing.trace -n boot
truncate -s 17M large.trace
expect_fail 3 "$GRANARY" profile attach repo main large.trace -n boot
expect_said "record a shorter run"
sed 's/{"directory":""},//; s/lib\/5/lib\/x/; s/lib\/1/lib\/y/; s/bin\/large/bin\/z/; s/"content":"......../"content":"00000000/g' boot.trace >stale.trace
expect_fail 3 "$GRANARY" profile attach repo main stale.trace -n boot
expect_said "nothing of what the trace touched is left"

# Packed together, with the same tree; a bare --trace attaches nothing.
"$GRANARY" publish repo tree --branch packed --json >before
trace "$uuid" "$(json snapshot before)" lib/6 lib/1 >pack.trace
"$GRANARY" publish repo tree --branch packed --trace pack.trace --json >after
expect_equal "$(json tree_digest after)" "$(json tree_digest before)"
expect_equal "$("$GRANARY" profile list repo packed | wc -l)" 0
"$GRANARY" publish repo tree --branch packed --trace pack.trace --profile pack | says -F "profile pack" || fail "publish does not say what it attached"
expect_equal "$("$GRANARY" profile list repo packed | wc -l)" 1
expect_fail 4 "$GRANARY" publish repo tree --branch packed --profile other
expect_fail 3 "$GRANARY" publish repo tree --trace cut.trace

# Kept by garbage collection, copied by mirrors, limited ones too.
"$GRANARY" gc repo --grace 0 >/dev/null && "$GRANARY" check repo --deep >/dev/null
"$GRANARY" mirror "$url" mirror --trust trust.json --tag v1 >/dev/null
"$GRANARY" check mirror >/dev/null
second_reader profile mirror boot --tag v1 --trust trust.json >/dev/null || fail "the mirror lacks the profile"

# A key that is revoked takes its profiles with it.
"$GRANARY" profile show repo v1 boot --json >shown
"$GRANARY" inspect repo "$("$PYTHON" -c 'import json; print(json.load(open("shown"))["trace"])')" --json | "$PYTHON" -c '
import json, sys
print(json.dumps(json.load(sys.stdin)["document"], sort_keys=True, separators=(",", ":")), end="")' | cmp - boot.trace || fail "the trace is not kept as it was"
"$GRANARY" key rotate repo release 2>/dev/null | says -F "no longer believed: profile boot" || fail "rotate does not say which profiles are lost"
expect_fail 7 "$GRANARY" profile show repo v1 boot
expect_said "attach it anew"
"$GRANARY" check repo >/dev/null
"$GRANARY" profile attach repo v1 boot.trace -n boot >/dev/null
"$GRANARY" profile show repo v1 boot >/dev/null
