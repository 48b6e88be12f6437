# What the second writer makes from docs/format.md alone, granary mounts, as it was.
# needs: root fuse

export PYTHONDONTWRITEBYTECODE=1
oddities tree
$PYTHON -c 'import random, sys; sys.stdout.buffer.write(random.Random(5).randbytes(3_000_000))' >tree/large
digest=$($PYTHON "$ROOT/tests/independent/make_repo.py" tree repo trust.json)

mkdir at
"$GRANARY" mount "file://$WORK/repo" at --trust trust.json --state "$WORK/state" --cache "$WORK/cache" -o suid,dev
same_tree tree at
expect_equal "$(getfattr -n user.granary.tree_digest --only-values at)" "$digest" "tree digest"
expect_equal "$($PYTHON "$ROOT/tests/independent/granary_reader.py" digest --directory at)" "$digest" "tree digest of what is mounted"
"$GRANARY" umount at

start_nginx repo
"$GRANARY" mount "$url" at --trust trust.json --state "$WORK/state" --cache "$WORK/cold" --tag first -o suid,dev
same_tree tree at
"$GRANARY" umount at
