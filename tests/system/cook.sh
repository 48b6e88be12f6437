# Cooking: what was cooked is found again, what changed is cooked anew and said, the same lock gives the same digest elsewhere, failures are told and leave nothing behind.
# needs: root fuse apt-get dpkg-deb gpg clasp
# timeout: 1200

. "$SUPPORT/debian.sh"
. "$SUPPORT/cook_archive.sh"
start_cooking

cat >web.toml <<'END'
description = "for a test"
extends = "minimal"
packages = ["greeting"]
hostname = "web"
[[file]]
path = "/etc/motd"
content = "hello\n"
[[hook]]
name = "setup"
script = "echo set up by $(hostname) >/etc/setup"
[[test]]
name = "greets"
command = "grep -q 1.0 /usr/share/greeting/version"
END
cook() { "$GRANARY" cook web.toml --repo os --cache "$WORK/cache" "$@"; }
reused() { $PYTHON -c 'import json, sys; print(" ".join(l["name"] for l in json.load(open(sys.argv[1]))["layers"] if l["reused"]))' "$1"; }
why() { $PYTHON -c 'import json, sys
for layer in json.load(open(sys.argv[1]))["layers"]: print(layer["name"] + ":", "; ".join(layer["why"]))' "$1"; }

# The first time everything is made; the tree is a Debian with what was asked for.
cook --json --tag first >first
expect_equal "$(reused first)" ""
first=$(json tree_digest first)
[ -s web.lock ] || fail "no lock was written"
expect_equal "$("$GRANARY" cat os etc/motd)" hello
expect_equal "$("$GRANARY" cat os usr/share/greeting/version)" 1.0
"$GRANARY" ls os usr/bin/apt >/dev/null
"$GRANARY" check os
expect_equal "$(ls cache/work)" "" "what is left of the work"
expect_equal "$("$GRANARY" branch os | awk '{ print $1 }')" main
expect_equal "$("$GRANARY" branch os --all | grep -c cook/layer/)" "$($PYTHON -c 'import json; print(len(json.load(open("first"))["layers"]))')"

# The second time nothing is: not even root is needed, nor a cache, nor an archive.
revision=$(json revision <("$GRANARY" stat os --json))
cook --json --locked >second
expect_equal "$(json changed second)" false
expect_equal "$(json tree_digest second)" "$first"
expect_equal "$(json revision <("$GRANARY" stat os --json))" "$revision"
cook --json >second  # asks the archive, which has nothing new
expect_equal "$(json changed second)" false
chmod -R a+rX os && chown -R nobody os && chmod 711 "$WORK"/.. "$WORK"
mkdir -m 777 cache-of-nobody
setpriv --reuid 65534 --regid 65534 --clear-groups "$GRANARY" cook web.toml --repo os --cache "$WORK/cache-of-nobody" --locked --json >second
expect_equal "$(json tree_digest second)" "$first"
sed 's/hello/hullo/' web.toml >other.toml
expect_fail 16 setpriv --reuid 65534 --regid 65534 --clear-groups "$GRANARY" cook other.toml --repo os --cache "$WORK/cache-of-nobody" --no-lock
expect_said "needs root"
chown -R root os

# The same lock elsewhere, with empty caches, and upon layers that another cook made: the same digest.
"$GRANARY" init elsewhere --name elsewhere.example.org --keys keys2 >/dev/null 2>&1
"$GRANARY" cook minimal --repo elsewhere --branch below --cache "$WORK/cache2" --no-lock --no-tests
"$GRANARY" cook web.lock --repo elsewhere --cache "$WORK/cache2" --json >third
expect_equal "$(reused third)" "core minimal"
expect_equal "$(json tree_digest third)" "$first" "the same lock cooked with empty caches"

# One package newer: only the layers from it on are made, and why is said.
make_package greeting 2.0
index_archive
sed -i 's/grep -q 1.0/grep -q 2.0/' web.toml
cook --json --explain >fourth
why fourth >said
grep -q 'greeting 1.0 → 2.0' said || fail "no word of the new version: $(cat said)"
[ "$(json tree_digest fourth)" != "$first" ] || fail "the tree did not change"

# A hook edited: the recipe's own layer alone.
sed -i 's/set up by/prepared by/' web.toml
cook --json >fifth
expect_equal "$(reused fifth)" "$($PYTHON -c 'import json; print(" ".join(l["name"] for l in json.load(open("fifth"))["layers"][:-1]))')"
why fifth >said
grep -q 'own: hook setup changed' said || fail "no word of the hook: $(cat said)"

# A lock that is not the recipe's is refused.
sed -i 's/prepared by/made by/' web.toml
expect_fail 3 cook --locked
expect_said "granary lock"

# A test that fails stops it before anything is published.
before=$("$GRANARY" log os -n 1 --json)
sed -i 's/grep -q 2.0/echo wrong; grep -q 3.0/' web.toml
expect_fail 3 cook
expect_said "test greets"
expect_said "wrong"
expect_equal "$("$GRANARY" log os -n 1 --json)" "$before"
sed -i 's/echo wrong; grep -q 3.0/grep -q 2.0/' web.toml

# A script that fails: what it said is shown, and a shell can look around, in what this cook made below it, too.
make_package greeting 3.0
index_archive
sed -i 's/grep -q 2.0/grep -q 3.0/' web.toml
sed -i 's/^script = .*/script = "echo half >\/etc\/half; echo it went wrong; exit 3"/' web.toml
expect_fail 3 cook
expect_said "it went wrong"
expect_said "granary cook --shell"
echo 'cat /etc/half /usr/share/greeting/version; exit' | "$GRANARY" cook --shell --cache "$WORK/cache" >said 2>&1
grep -q '^half' said || fail "the kept tree is not what the script left: $(cat said)"
grep -q '^3.0' said || fail "the kept tree lacks the layer below: $(cat said)"

# Killed half-way: nothing mounted, nothing running; the next cook goes on with what was finished.
pause="sleep 1000.$$"  # no other process is called so
sed -i "s/^script = .*/script = \"$pause\"/" web.toml
"$GRANARY" cook web.toml --repo os --cache "$WORK/cache" >log 2>&1 &  # itself, not a shell around it
process=$!
until_true 60 pgrep -f "^$pause"
kill -9 "$process"
wait "$process" || true
until_true 20 eval '! pgrep -f "^$pause" >/dev/null'
grep -q "$WORK" /proc/mounts && fail "something is still mounted: $(grep "$WORK" /proc/mounts)"
sed -i 's/^script = .*/script = "true"/' web.toml
for point in cook-fetched cook-made cook-layer-published cook-adopting; do
  sed -i "s/^content = .*/content = \"$point\"/" web.toml
  GRANARY_CRASH_AT=$point cook >log 2>&1 && [ $point != cook-fetched ] && fail "did not die at $point"
done
cook --json >sixth
expect_equal "$("$GRANARY" cat os etc/motd)" cook-adopting
expect_equal "$(ls cache/work | wc -l)" 1  # the failure that is kept
"$GRANARY" check os

# Two at once.
sed -i 's/^content = .*/content = "twice"/' web.toml
cook --json >one & process=$!
cook --json >two
wait "$process"
expect_equal "$(json tree_digest one)" "$(json tree_digest two)"

# Layers go when nobody used them for long; what is kept by a branch stays.
"$GRANARY" gc os --cook-layers-older 0 --json >collected
expect_equal "$(json evicted_cook_layers collected)" 0  # used within the hour
find os/.granary/cook/layers -type f -exec touch -d '2 days ago' {} +
"$GRANARY" gc os --cook-layers-older 1d --json >collected
"$GRANARY" check os
