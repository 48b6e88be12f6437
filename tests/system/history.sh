# Branches, tags, dates, rollback, and looking into snapshots without mounting them; errors that say what to do.

# shows TEXT COMMAND…: what the command prints holds the text. Read whole: a pipe closed early is an error of the writer.
shows() { local text=$1 && shift && "$GRANARY" "$@" >shown && grep -qF -- "$text" shown || fail "$* does not show $text"; }

export XDG_CONFIG_HOME=$WORK/config XDG_STATE_HOME=$WORK/state
"$GRANARY" init repo --name sw.example.org --keys keys >trust.json 2>/dev/null
mkdir -p tree/etc tree/usr/bin && echo one >tree/etc/motd && echo tool >tree/usr/bin/tool && ln tree/usr/bin/tool tree/usr/bin/alias
ln -s motd tree/etc/link && truncate -s 1M tree/hole && printf data >>tree/hole

# Three states of a branch, a tag, another branch.
"$GRANARY" publish repo tree -m first --tag v1 --json >first
echo two >tree/etc/motd && "$GRANARY" publish repo tree -m second --json >second
sleep 1.1 && between=$(date -u +%Y-%m-%dT%H:%M:%SZ) && sleep 1.1
echo three >tree/etc/motd && rm -r tree/usr && "$GRANARY" publish repo tree -m third --json >third
"$GRANARY" branch repo testing main~1

for at in "main three" "main~1 two" "main~2 one" "v1 one" "testing two" "main@$between two" "$(json snapshot second | head -c 12) two" "v1~0 one"; do
  expect_equal "$("$GRANARY" cat repo etc/motd --snapshot "${at% *}")" "${at#* }" "$at"
done
expect_equal "$("$GRANARY" log repo --json | wc -l)" 3
expect_equal "$("$GRANARY" log repo testing --json | wc -l)" 2
expect_equal "$("$GRANARY" log repo -n 1 | grep -c third)" 1
expect_equal "$("$GRANARY" log --records repo | wc -l)" 5
expect_equal "$("$GRANARY" branch repo | wc -l)" 2
expect_equal "$("$GRANARY" tag repo | awk '{ print $1 }')" v1

# What changed.
expect_equal "$("$GRANARY" diff repo main~1 main)" "$(printf 'M /\nM /etc/motd\nD /usr\nD /usr/bin\nD /usr/bin/alias\nD /usr/bin/tool')"
shows 'M /etc/motd  (content' diff -l repo v1 main~1
expect_equal "$("$GRANARY" diff repo main main | wc -l)" 0
expect_equal "$("$GRANARY" diff repo v1 main --json | "$PYTHON" -c 'import json, sys; print(sum(json.loads(l)["change"] == "removed" for l in sys.stdin))')" 4

# The same through a URL, with the trust file.
start_serve repo
expect_equal "$("$GRANARY" cat "$url" etc/motd --trust trust.json --snapshot v1)" one
expect_equal "$("$GRANARY" ls "$url" --trust trust.json | tr '\n' ' ')" "etc hole "
"$GRANARY" cat "$url" hole --trust trust.json | cmp - tree/hole
expect_fail 14 "$GRANARY" ls "$url"
expect_said "--trust"

# Back, by going forward; inode numbers of an unchanged file stay.
inode() { "$GRANARY" ls repo usr/bin --json --snapshot "$1" | "$PYTHON" -c 'import json, sys; print([json.loads(line) for line in sys.stdin][0]["inode"])'; }
was=$(inode v1)
"$GRANARY" rollback repo v1 -m "v1 was better" --json >rolled
expect_equal "$(json tree_digest rolled)" "$(json tree_digest first)" "tree digest after the rollback"
expect_equal "$(json revision rolled)" 6
expect_equal "$(inode main)" "$was" "inode number"
expect_fail 3 "$GRANARY" rollback repo v1

# Same tree, same digest, whatever the codec and history.
"$GRANARY" init other --name other.example.org --keys other-keys >/dev/null 2>&1
rm -r tree && mkdir tree && cd tree && "$GRANARY" cat ../repo hole >hole && cd ..
for how in "--compression none" "--compression zlib --level 9" "--compression zstd --level 19"; do
  # shellcheck disable=SC2086
  "$GRANARY" publish other tree --branch "${how##* }" $how --json >published
  expect_equal "$(json tree_digest published)" "${digest:=$(json tree_digest published)}" "$how"
done

# Names.
expect_fail 3 "$GRANARY" tag repo v1
expect_said "never re-pointed"
expect_fail 3 "$GRANARY" branch repo testing
expect_fail 9 "$GRANARY" branch repo main --delete
"$GRANARY" branch repo testing --delete
expect_fail 4 "$GRANARY" ls repo --snapshot testing
expect_fail 4 "$GRANARY" cat repo nowhere
expect_fail 3 "$GRANARY" cat repo etc
expect_fail 3 "$GRANARY" publish repo tree --branch ../x
expect_fail 12 "$GRANARY" publish "$WORK" tree
expect_fail 4 "$GRANARY" publish repo "$WORK/missing"
expect_fail 3 "$GRANARY" publish repo tree --compression lzma
expect_fail 2 "$GRANARY" publish repo
expect_fail 2 "$GRANARY" publihs repo tree
expect_said 'did you mean "publish"'

# Anything can be looked at.
shows '"granary": "head"' inspect repo 
shows '"revision": 2' inspect repo log/2 
shows '"message": "first"' inspect repo snapshot:v1 
shows '"kind": "catalog index"' inspect repo catalog:v1 
object=$(cd repo/objects && find . -type f | first | tr -d ./)
shows '"codec"' inspect repo "$object" --json 
