# granary boot itself, with a guest that says it is up as soon as its kernel runs: until complete, failures, machines
# that stay. Needs no snapshot that boots.
# needs: qemu-system-x86_64 qemu-img mcopy cpio busybox
# timeout: 480

. "$ROOT/tests/boot/lib.sh"

"$GRANARY" init os --name os.example.org --keys keys >/dev/null 2>&1
mkdir -p root/bin
cp "$(command -v busybox)" root/bin/
cat >root/init <<'END'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev
/bin/busybox mount -t proc p /proc
/bin/busybox mount -t devtmpfs d /dev
line=$(/bin/busybox cat /proc/cmdline)
echo "command line: $line"
case $line in *granary.hostname=lost*) echo "granary: FAILED network: nobody answers"; /bin/busybox poweroff -f ;; esac
echo "granary: boot complete snapshot=0123456789abcdef seconds=1.5"
while read -r word rest; do
  case $word in say) echo "said: $rest" ;; off) /bin/busybox poweroff -f ;; esac
done </dev/ttyS0
/bin/busybox sleep 1000
END
chmod 755 root/init
(cd root && find . | cpio -o -H newc --quiet) >initrd
tiny=(--repo os --kernel "$FIXTURE/micro/vmlinuz" --initrd initrd --memory 256M --cpus 1)

# Wrong requests are told before anything starts.
expect_fail 3 "$GRANARY" boot
expect_fail 4 "$GRANARY" boot --repo os --image nowhere
expect_fail 3 "$GRANARY" boot --repo os --memory 1k
expect_fail 3 "$GRANARY" boot --repo os --initrd initrd
expect_fail 4 "$GRANARY" boot --vm nobody stop
expect_fail 3 "$GRANARY" boot --vm ../up "${tiny[@]}"
expect_fail 4 env PATH="$WORK" "$GRANARY" boot "${tiny[@]}"
expect_said "apt-get install qemu-system-x86"

# Until complete: what it was told, what it said, nothing left.
"$GRANARY" boot "${tiny[@]}" --branch stable --append "extra words" --until-complete --json --console-file said >outcome 2>errors
expect_equal "$(json snapshot outcome)" 0123456789abcdef
expect_equal "$(json complete outcome)" true
grep -aq 'granary.repository=http://10.0.2.2:[0-9]* granary.branch=stable extra words' said || fail "wrong command line: $(cat said)"
expect_equal "$(ls "$TMPDIR")" ""

# What fails says the last it heard; what takes too long is ended.
expect_fail 5 "$GRANARY" boot "${tiny[@]}" --set hostname=lost --until-complete --quiet
expect_said "the newest failure: network: nobody answers"
expect_fail 5 "$GRANARY" boot "${tiny[@]}" --until-complete --quiet --timeout 1s
expect_said "not complete after 1 s"
expect_equal "$(ls "$TMPDIR")" ""

# Ctrl-C leaves nothing behind.
"$GRANARY" boot "${tiny[@]}" --set hostname=fine --until-complete --console-file typed --append "nomodeset" >log 2>&1 &
process=$!
until_true 20 eval 'pgrep -P $process >/dev/null'
qemu=$(pgrep -P $process)
kill -INT $process
wait $process && fail "an interrupted boot ended well"
ended "$qemu" || fail "QEMU outlived an interrupted boot"
expect_equal "$(ls "$TMPDIR")" ""

# A machine that stays.
"$GRANARY" boot --vm one "${tiny[@]}" --until-complete --json >outcome 2>errors
expect_equal "$(json snapshot outcome)" 0123456789abcdef
"$GRANARY" boot list --json >list
expect_equal "$(json 0.name list) $(json 0.state list) $(json 0.completions list)" "one running 1"
expect_equal "$(stat -c %a "$VMS/one" "$VMS/one/seed.img" "$VMS/one/id_ed25519" | tr '\n' ' ')" "700 600 600 "
expect_fail 11 "$GRANARY" boot --vm one
expect_fail 11 "$GRANARY" boot --vm one "${tiny[@]}"
expect_fail 11 "$GRANARY" boot --vm one remove
echo "say hello there" | "$GRANARY" boot --vm one console >typed
grep -aq 'said: hello there' typed || fail "the console does not answer: $(cat typed)"

# Reset: an empty disk again, within a second, and started again, on the snapshot that it first came up with.
disk=$(stat -c %i "$VMS/one/disk.qcow2")
"$GRANARY" boot --vm one reset --json >outcome
[ "$(stat -c %i "$VMS/one/disk.qcow2")" != "$disk" ] || fail "the disk is the old one"
expect_equal "$(json started_again outcome)" true
expect_equal "$(json snapshot outcome)" 0123456789abcdef
wait_complete one
console_says one 'command line: .*granary\.snapshot=0123456789abcdef'

# A keeper that was killed takes QEMU along, and does not count as running, nor does whoever has its number now.
keeper=$("$GRANARY" boot --vm one list --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)[0]["keeper_pid"])')
qemu=$("$GRANARY" boot --vm one list --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)[0]["qemu_pid"])')
kill -9 "$keeper"
until_true 20 ended "$qemu"
"$GRANARY" boot --vm one list | says stopped || fail "a dead machine is listed as running"
"$GRANARY" boot --vm one stop | says "was not running" || fail "a dead machine was stopped"
"$GRANARY" boot --vm one reset >/dev/null

# By its plug, as this guest knows no power button; then it is gone.
again one
wait_complete one
echo off | "$GRANARY" boot --vm one console >/dev/null
until_true 20 eval '! is_running one'
"$GRANARY" boot --vm one --libvirt >domain.xml 2>/dev/null
if command -v xmllint >/dev/null; then xmllint --noout domain.xml; fi
"$GRANARY" boot --vm one remove
[ ! -e "$VMS/one" ] || fail "the machine's folder is still there"
