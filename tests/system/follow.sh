# A mount of a branch shows what is published, and forgets nothing that is open.
# needs: root fuse nginx
# timeout: 300

mkdir -p source/dir/sub source/gone mnt pinned
echo one >source/changed
echo old >source/removed
echo stays >source/stays
echo moved >source/dir/moved
echo deep >source/gone/deep
echo linked >source/link1
ln source/link1 source/link2
ln -s stays source/symlink
echo file >source/turns
head -c 3000000 /dev/urandom >source/program
cp source/program program.1
cp /bin/sleep source/sleep
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_nginx repo
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log --follow 3600
first=$(json snapshot <("$GRANARY" stat mnt --json))
"$GRANARY" mount "$url" pinned --trust trust --cache cache --state state --log pinned.log --snapshot "$first"
expect_equal "$(json following.interval <("$GRANARY" stat mnt --json))" 3600
"$GRANARY" remount mnt >said
grep -q "still at snapshot" said || fail "$(cat said)"

# Everything into the kernel's caches: names, missing names, attributes, listings, contents.
find mnt -printf '%p %s %m %n %l\n' >said
cat mnt/* mnt/*/* >/dev/null 2>&1 || true
! stat mnt/new mnt/dir/sub/new 2>said || fail "there already"
exec 5<mnt/changed 6<mnt/program 7<mnt/gone/deep
mnt/sleep 600 &
runs=$!
cat >mapped.py <<'END'
# Holds a mapping of the old program, and says whether it still is what it was when told to.
import mmap, sys
f = open("mnt/program", "rb")
m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
m[0]
print("mapped", flush=True)
sys.stdin.readline()
print(bytes(m) == open("program.1", "rb").read(), flush=True)
END
mkfifo go
exec 8<>go
background $PYTHON mapped.py <go
mapped=$started
mapped_log=$started_log
until_true 5 grep -q mapped "$mapped_log"

echo two, and longer >source/changed
rm source/removed
echo new >source/new
echo new >source/dir/sub/new
mv source/dir/moved source/dir/moved.away
rm -r source/gone
rm source/turns
mkdir source/turns
echo inside >source/turns/inside
chmod 600 source/stays
touch -d 2001-01-01 source/dir/sub
ln source/link1 source/link3
ln -sfn elsewhere source/symlink
head -c 3000000 /dev/urandom >source/program
cp /bin/true source/sleep
cp source/sleep sleep.2
"$GRANARY" publish repo source
"$GRANARY" remount mnt --json >remounted
expect_equal "$(json switched remounted)" true
expect_equal "$(json from remounted)" "$first"
second=$(json to remounted)

expect_equal "$(cat mnt/changed)" "two, and longer"
expect_equal "$(stat -c %s mnt/changed)" 16
[ ! -e mnt/removed ] || fail "still there: removed"
expect_equal "$(cat mnt/new mnt/dir/sub/new mnt/dir/moved.away mnt/turns/inside)" "new
new
moved
inside"
[ ! -e mnt/dir/moved ] || fail "still there: dir/moved"
[ ! -e mnt/gone ] || fail "still there: gone"
expect_equal "$(stat -c %a mnt/stays)" 600
expect_equal "$(stat -c %Y mnt/dir/sub)" "$(stat -c %Y source/dir/sub)"
expect_equal "$(stat -c %h mnt/link1 mnt/link2 mnt/link3 | sort -u)" 3
expect_equal "$(readlink mnt/symlink)" elsewhere
cmp mnt/program source/program
cmp mnt/sleep sleep.2
same_tree source mnt
# What is open goes on, though the kernel may forget its bytes.
echo 3 >/proc/sys/vm/drop_caches
expect_equal "$(cat <&5)" one
cmp - program.1 <&6
expect_equal "$(cat <&7)" deep
ended "$runs" && fail "the running program ended"
echo go >&8
wait "$mapped"
expect_equal "$(tail -1 "$mapped_log")" True
kill "$runs"
wait "$runs" 2>/dev/null || true
exec 5<&- 6<&- 7<&- 8>&-

# A pinned mount never changes by itself.
expect_equal "$(cat pinned/changed)" one
expect_fail 3 "$GRANARY" remount pinned
expect_said "--to"
expect_equal "$(cat pinned/changed)" one
"$GRANARY" remount pinned --to main >said
expect_equal "$(cat pinned/changed)" "two, and longer"
"$GRANARY" remount pinned --to "$first" >said
expect_equal "$(cat pinned/changed)" one
[ -e pinned/removed ] || fail "removed is missing in the first snapshot"

# By the clock.
"$GRANARY" umount mnt
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log --follow 1
echo three >source/changed
"$GRANARY" publish repo source
shows_three() { [ "$(cat mnt/changed)" = three ]; }
until_true 5 shows_three
expect_equal "$(json following.switches <("$GRANARY" stat mnt --json))" 1

# Something is wrong with the new head: the mount stays, says so, and goes on when that is over.
third=$(json snapshot <("$GRANARY" stat mnt --json))
mv repo/head.json head.json
held_back() { [ "$(json following.held_back_by <("$GRANARY" stat mnt --json))" != None ]; }
until_true 10 held_back
expect_equal "$(cat mnt/changed)" three
mv head.json repo/head.json
goes_on() { [ "$(json following.held_back_by <("$GRANARY" stat mnt --json))" = None ]; }
until_true 10 goes_on
echo four >source/changed
"$GRANARY" publish repo source
shows_four() { [ "$(cat mnt/changed)" = four ]; }
until_true 5 shows_four
"$GRANARY" umount mnt
"$GRANARY" umount pinned
