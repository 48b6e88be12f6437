# A lock of packages of the real archive: the same twice, closed and free of conflicts in the eyes of dose-debcheck, and
# what cannot be had is explained.
# needs: clasp dose-debcheck
# timeout: 300

# The archive's indices are fetched once for all runs.
cache=$OUTER_HOME/.cache/granary/cook
lock() { "$GRANARY" lock --suite bookworm --cache "$cache" "$@"; }

printf '%s\n' openssh-server python3-numpy '# a comment' 'r-base-core  # and one' mail-transport-agent emacs-nox >names
status=0
lock --packages-from names -o first.lock --json >first.json 2>said || status=$?
[ $status != 5 ] || skip "the host's archive cannot be reached: $(head -c 300 said)"
[ $status = 0 ] || fail "$(cat said)"
lock --packages-from names -o second.lock >/dev/null
cmp first.lock second.lock
[ "$(json packages first.json)" -gt 200 ] || fail "too few packages: $(cat first.json)"
expect_equal "$(json skipped_newer first.json)" 0

# An independent judge: is a package installable that wants exactly these versions?
$PYTHON - first.lock "$cache" >chosen <<'END'
import json, os, sys

lock = json.load(open(sys.argv[1]))
wanted = {(package["name"], package["version"]) for package in lock["packages"]}
found = {}
for name in os.listdir(os.path.join(sys.argv[2], "indices")):
    for stanza in open(os.path.join(sys.argv[2], "indices", name), encoding="utf-8").read().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.split("\n") if ": " in line and line[0] != " ")
        if (key := (fields.get("Package"), fields.get("Version"))) in wanted:
            found[key] = stanza
assert set(found) == wanted, wanted - set(found)
everything = ", ".join(f"{name} (= {version})" for name, version in sorted(wanted))
print("\n\n".join(found[key] for key in sorted(found)))
print(f"\nPackage: everything\nVersion: 1\nArchitecture: all\nDepends: {everything}\n")
END
dose-debcheck --checkonly everything --failures --explain chosen >judged || fail "$(head -c 1000 judged)"

echo 'emacs-nox
proofgeneral' >wrong
expect_fail 3 lock --packages-from wrong -o wrong.lock
expect_said 'emacs-nox conflicts with emacs-gtk, needed by proofgeneral'
expect_said 'it works without proofgeneral'
echo emcs-nox >wrong
expect_fail 4 lock --packages-from wrong -o wrong.lock
expect_said 'near it: emacs-nox'
expect_fail 4 "$GRANARY" lock --packages-from names --suite nonesuch --cache "$cache" -o wrong.lock
expect_said 'no such suite'
expect_fail 3 "$GRANARY" lock --packages-from names -o wrong.lock
expect_said 'needs a suite'
[ ! -e wrong.lock ] || fail "a lock was written for what cannot be had"
