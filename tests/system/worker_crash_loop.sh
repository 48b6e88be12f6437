# Workers that keep dying: with growing pauses others are tried, nobody who reads hangs for ever, and all is well again
# as soon as one lives. At each of the steps of a request, too, at which a worker may be killed.
# needs: root fuse
# timeout: 240

mkdir source mnt
for i in $(seq 1 400); do echo "file $i" >"source/$i"; done
(cd source && sha256sum -- *) >sums
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mount_it() { "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log; }
restarts() { "$GRANARY" stat mnt --json >stat.json && json restarts stat.json; }
forget() { echo 3 >/proc/sys/vm/drop_caches; }

# Each worker dies at its Nth request, at that step; the readers notice nothing.
for resend in yes no; do
  for step in request-read request-before-reply request-before-free; do
    env $([ $resend = yes ] || echo GRANARY_NO_RESEND=1) GRANARY_CRASH_AT=$step:150 \
      "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log
    forget
    (cd mnt && sha256sum --quiet -c ../sums) || fail "a read failed ($step, resend=$resend)"
    [ "$(restarts)" -ge 1 ] || fail "no worker was killed at $step"
    "$GRANARY" umount mnt
  done
done

# Killed while it keeps what it shows: the next one chooses the snapshot itself.
GRANARY_CRASH_AT=init-kept mount_it || true
! is_mounted mnt || "$GRANARY" umount mnt || true

# None can live, because each dies at its first request. Requests are refused after some seconds.
GRANARY_CRASH_AT=request-read:1 "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log
forget
started_at=$(date +%s)
patience=${GRANARY_PATIENCE:-1}
! timeout $((60 * patience)) cat mnt/1 2>said || fail "read from nobody"
grep -qi 'input/output error' said || fail "not refused: $(cat said)"
[ $(($(date +%s) - started_at)) -lt $((30 * patience)) ] || fail "it took too long"
grep -q 'requests are refused' mount.log || fail "the log does not tell"
timeout $((30 * patience)) "$GRANARY" umount mnt || timeout $((30 * patience)) "$GRANARY" umount --lazy mnt
! is_mounted mnt || fail "still mounted"
