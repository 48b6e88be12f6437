# Recipes are checked, shown, compared and listed; everything wrong with one is said with its place.
# timeout: 30

"$GRANARY" recipe list >listed
for name in minimal standard server python-analysis worker; do
  grep -q "^$name  " listed && grep -q "^$name-trixie  " listed || fail "without $name: $(cat listed)"
  "$GRANARY" recipe check "$name" "$name-trixie" >/dev/null
done

mkdir mine.d
cat >mine.toml <<END
# a server that greets
extends = "server"
packages = ["nginx-light"]
[[file]]
path = "/etc/motd"
source = "motd"
END
echo welcome >motd
echo 'packages = ["figlet"]' >mine.d/10-figlet.toml
"$GRANARY" recipe check mine.toml >said
"$GRANARY" recipe show mine.toml >shown.toml
grep -qF '"figlet",' shown.toml || fail "the drop-in is not there: $(cat shown.toml)"
"$GRANARY" recipe show shown.toml >again.toml
"$GRANARY" recipe diff shown.toml again.toml >differences
expect_equal "$(cat differences)" ""
"$GRANARY" recipe show mine.toml --json >shown.json
expect_equal "$(json suite shown.json)" bookworm
"$GRANARY" recipe show mine.toml --suite trixie --json >shown.json
expect_equal "$(json suite shown.json)" trixie
"$GRANARY" recipe diff server mine.toml >differences
expect_equal "$(cat differences)" "- description: a standard system with an ssh server, for machines nobody sits at
+ wish for figlet
+ wish for nginx-light
+ file /etc/motd: 8 bytes ($(sha256sum motd | cut -c1-12)), mode 0644"

printf 'suite = "bookworm"\npakages = ["bash"]\ngroups = "all"\n' >wrong.toml
expect_fail 3 "$GRANARY" recipe check wrong.toml
expect_said 'wrong.toml:2:1: unknown key "pakages": did you mean "packages"?'
expect_said 'wrong.toml:3:10: "groups" is a string, not a list of strings'
expect_fail 3 "$GRANARY" recipe check wrong.toml mine.toml --json
expect_said '"line":2,"column":1'
expect_fail 4 "$GRANARY" recipe show standrad
expect_said 'did you mean "standard"?'
expect_fail 4 "$GRANARY" recipe check none.toml
GRANARY_RECIPES=$PWD "$GRANARY" recipe list >listed
grep -q "^mine " listed || fail "GRANARY_RECIPES is not looked at: $(cat listed)"
