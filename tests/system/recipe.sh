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

# Two locks: which packages came, went, and changed their version.
$PYTHON - <<'END'
def lock(name, packages):
    zeros = "0" * 64
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of a recipe that says nothing
    rows = ",".join('{"name":"%s","version":"%s","architecture":"all","path":"p/%s","size":1,"sha256":"%s","index":0,"layer":0}'
                    % (package, version, package, zeros) for package, version in packages)
    with open(name, "w") as out:
        out.write('{"granary":"lock","format":1,"architecture":"amd64","source_date_epoch":1,"solver":"","skipped_newer":0,'
                  '"package_count":1,"recipe_digest":"%s","recipe":{},"releases":[{"archive":"a","suite":"s","codename":"s",'
                  '"date":"2026-11-21T08:00:00Z","inrelease":"%s","signers":[]}],"indices":[{"release":0,"path":"x","size":1,'
                  '"sha256":"%s"}],"layers":["core"],"accounts":[],"packages":[%s]}' % (digest, zeros, zeros, rows))


lock("old.lock", [("bash", "5.2-1"), ("dash", "1:1"), ("nano", "7")])
lock("new.lock", [("bash", "5.10-1"), ("dash", "2"), ("vim", "9")])
END
"$GRANARY" recipe diff old.lock new.lock >differences
expect_equal "$(cat differences)" "~ package bash: 5.2-1 → 5.10-1
~ package dash: 1:1 → 2
- package nano: 7
+ package vim: 9
packages: 1 added, 1 downgraded, 1 removed, 1 upgraded"
"$GRANARY" recipe diff old.lock new.lock --json >differences
grep -q '"change":"upgraded","what":"package bash"' differences || fail "$(cat differences)"
