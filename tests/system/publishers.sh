# Many publishers at once: what touches different paths is all kept, whoever commits first; what touches the same is refused, and nothing is lost.
# A publisher that is killed leaves the branch as it was.
# timeout: 240

"$GRANARY" init repo --name sw.example.org --keys keys >trust.json 2>/dev/null
mkdir -p base/etc && echo hello >base/etc/motd
"$GRANARY" publish repo base >/dev/null

started_publishers= contenders=
for n in 1 2 3 4 5 6; do
  mkdir -p "part$n/bin" && echo "tool $n" >"part$n/bin/tool" && head -c 300000 /dev/urandom >"part$n/data"
  "$GRANARY" publish repo "part$n" --path "opt/part$n" --json >"out$n" 2>"err$n" &
  started_publishers="$started_publishers $!"
done
for pid in $started_publishers; do wait "$pid" || fail "a publisher failed: $(cat err*)"; done
expect_equal "$("$GRANARY" ls repo opt | wc -l)" 6 "parts"
for n in 1 2 3 4 5 6; do "$GRANARY" cat repo "opt/part$n/data" | cmp - "part$n/data"; done
expect_equal "$("$GRANARY" log repo --json | wc -l)" 7 "snapshots"
expect_equal "$("$GRANARY" ls -R repo --json | "$PYTHON" -c '
import collections, json, sys
inodes = collections.Counter(json.loads(line)["inode"] for line in sys.stdin)
print(max(inodes.values()))')" 1 "an inode number names one file"

# The same path, different content: exactly one wins.
mkdir x && seq 100000 >x/same
for n in 1 2 3; do
  mkdir "same$n" && cp x/same "same$n/same" && echo "$n" >>"same$n/same"
  "$GRANARY" publish repo "same$n" --path contested --json >"out$n" 2>"err$n" &
  contenders="$contenders $!"
done
won=0
for pid in $contenders; do if wait "$pid"; then won=$((won + 1)); fi; done
[ "$won" -ge 1 ] || fail "nobody won: $(cat err1 err2 err3)"
"$GRANARY" cat repo contested/same | tail -n 1 | says -x '[123]' || fail "contested/same"
[ "$won" -eq 3 ] || grep -q "/contested" err1 err2 err3 || fail "no path was named: $(cat err1 err2 err3)"

# Killed at any moment: the branch is what it was or what it was to be, and the next publish works.
mkdir big && for n in $(seq 300); do head -c 20000 /dev/urandom >"big/$n"; done
for delay in 0.02 0.05 0.1 0.15 0.2 0.3 0.4; do
  echo "$delay" >big/delay
  before=$("$GRANARY" log repo -n 1 --json)
  "$GRANARY" publish repo big --path big >/dev/null 2>&1 &
  victim=$!
  sleep "$delay"
  kill -9 "$victim" 2>/dev/null || true
  wait "$victim" 2>/dev/null || true
  after=$("$GRANARY" log repo -n 1 --json)
  [ "$after" = "$before" ] || expect_equal "$("$GRANARY" cat repo big/delay)" "$delay"
done
"$GRANARY" publish repo big --path big >/dev/null
expect_equal "$("$GRANARY" ls repo big | wc -l)" 301
expect_equal "$(find repo/.granary/staging -mindepth 1 -maxdepth 1 -name '[0-9]*' | wc -l)" 0 "stagings left"
