# Every kind of damage is found by `granary check`, named, and told with the paths it touches.
# timeout: 300

"$GRANARY" init repo --name check.example.org --keys keys >/dev/null
mkdir -p tree/etc tree/bin
echo "hello" >tree/etc/motd
head -c 300000 /dev/urandom >tree/bin/big
ln tree/bin/big tree/bin/also-big
"$GRANARY" publish repo tree --tag v1 >/dev/null
echo "changed" >tree/etc/motd
"$GRANARY" publish repo tree >/dev/null

"$GRANARY" check repo
"$GRANARY" check repo --deep --json >sound.json
expect_equal "$(json sound sound.json)" true
expect_equal "$(json snapshots sound.json)" 2

# check_finds TEXT [--deep]: the damage is noticed, and TEXT said.
check_finds() {
  local text=$1
  shift
  expect_fail 6 "$GRANARY" check repo "$@"
  expect_said "$text"
}

# Every object in turn: gone, cut off, with a flipped byte.
for object in repo/objects/*/*; do
  digest=$(echo "${object#repo/objects/}" | tr -d /)
  cp "$object" saved
  rm "$object"
  check_finds "$digest"
  head -c $(($(stat -c %s saved) - 1)) saved >"$object"
  check_finds "$digest" --deep
  cp saved "$object"
  $PYTHON - "$object" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    data = bytearray(file.read())
    data[len(data) * 2 // 3] ^= 4
    file.seek(0)
    file.write(data)
END
  check_finds "$digest" --deep
  cp saved "$object"
done
"$GRANARY" check repo --deep >/dev/null

# The paths: both names of the large file, in both snapshots.
large=$(ls -S repo/objects/*/* | first)
mv "$large" saved
expect_fail 6 "$GRANARY" check repo
for path in /bin/big /bin/also-big; do expect_said "$path in snapshot"; done
expect_said "tag v1"
mv saved "$large"

# Log and roots.
for file in log/1.json log/2.json root/1.json; do
  [ "$file" = root/1.json ] || {
    mv "repo/$file" saved
    check_finds "$file: is missing"
    mv saved "repo/$file"
  }
  cp "repo/$file" saved
  sed -i 's/"payload":"./"payload":"A/' "repo/$file"
  check_finds "$file"
  cp saved "repo/$file"
done

# The head: signatures, and a missing one.
cp repo/head.json saved
sed -i 's/"sig":"./"sig":"A/g' repo/head.json
cmp -s saved repo/head.json || check_finds "head.json"
rm repo/head.json
check_finds "head.json: is missing"
cp saved repo/head.json

# What is no fault is told all the same.
mkdir -p repo/objects/00
printf 'nothing' >"repo/objects/00/$(printf '0%.0s' $(seq 1 61))1"
"$GRANARY" check repo --json >orphan.json
expect_equal "$(json orphans orphan.json)" 1
expect_equal "$(json sound orphan.json)" true

mkdir empty
expect_fail 12 "$GRANARY" check empty
