# While a mount switches again and again under readers, no file is ever a mixture, nothing fails, and every switch shows.
# needs: root fuse nginx
# timeout: 400

mkdir -p mnt
version() {
  $PYTHON - "$1" <<'END'
import os, sys
line = (f"version {int(sys.argv[1]):05d} " * 8 + "\n").encode()
for d in range(5):
    os.makedirs(f"source/d{d}", exist_ok=True)
    for f in range(6):
        with open(f"source/d{d}/f{f}", "wb") as out:
            out.write(line * (20 + 900 * f))
END
}
version 1
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
start_nginx repo
"$GRANARY" mount "$url" mnt --trust trust --cache cache --state state --log mount.log --follow 3600
cat >reader.py <<'END'
# Reads files in small pieces until told to stop; prints what is wrong and how many it read.
import os, random, sys
random.seed(int(sys.argv[1]))
print("seed", sys.argv[1], flush=True)
count, wrong = 0, 0
while not os.path.exists("stop"):
    path = f"mnt/d{random.randrange(5)}/f{random.randrange(6)}"
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            whole = b""
            while piece := file.read(random.choice((1000, 50000))):
                whole += piece
        if len(whole) != size or len(set(whole.split())) != 2:
            wrong += 1
            print("a mixture:", path, len(whole), size, set(whole.split()), flush=True)
    except OSError as error:
        wrong += 1
        print(error, flush=True)
    count += 1
print("read", count, "wrong", wrong, flush=True)
sys.exit(wrong != 0 or count == 0)
END
readers=()
for seed in 1 2 3; do
  background $PYTHON reader.py $seed
  readers+=("$started $started_log")
done
background sh -c 'while [ ! -e stop ]; do find mnt -type f -printf "%s\n" || exit 1; done'
finder=$started
for number in 2 3 4 5 6; do
  version $number
  "$GRANARY" publish repo source >said
  "$GRANARY" remount mnt >said
  grep -q "from snapshot" said || fail "no switch: $(cat said)"
  expect_equal "$(head -c 13 mnt/d4/f5)" "version 0000$number"
  [ $number != 4 ] || echo 3 >/proc/sys/vm/drop_caches
done
touch stop
for reader in "${readers[@]}"; do
  set -- $reader
  wait "$1" || fail "a reader: $(tail -3 "$2")"
done
wait "$finder" || fail "find failed"
same_tree source mnt
"$GRANARY" umount mnt
