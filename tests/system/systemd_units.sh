# The generator makes units that systemd takes; so are the examples. fstab's are what findmnt takes.
# needs: systemd-analyze findmnt

generator=$(dirname "$GRANARY")/granary-generator
mkdir -p etc units bin
cat >etc/granary.conf <<END
[defaults]
automount = yes
[repository debian]
url = https://sw.example.org/debian
mount_point = /srv/my debian
[repository boot]
url = https://sw.example.org/boot
mount_point = /boot-sw
automount = no
END
GRANARY_CONFIG=$WORK/etc "$generator" "$WORK/units" "$WORK/units" "$WORK/units"
expect_equal "$(cd units && find . -mindepth 1 | sort | tr '\n' ' ')" \
  './boot\x2dsw.mount ./remote-fs.target.wants ./remote-fs.target.wants/boot\x2dsw.mount ./remote-fs.target.wants/srv-my\x20debian.automount ./srv-my\x20debian.automount ./srv-my\x20debian.mount '
expect_equal "$(systemd-escape -p --suffix=mount '/srv/my debian')" 'srv-my\x20debian.mount'
[ -e 'units/remote-fs.target.wants/boot\x2dsw.mount' ] || fail "a link that leads nowhere"
grep -q "^Options=_netdev,nofail,config=$WORK/etc$" 'units/boot\x2dsw.mount' || fail "without its configuration"

verify() { SYSTEMD_UNIT_PATH="$WORK/units:/lib/systemd/system" systemd-analyze verify --man=no "$@"; }
verify units/*.mount units/*.automount >said 2>&1 || fail "systemd refuses what the generator made: $(cat said)"
! grep -qE "units/|sw|debian" said || fail "systemd complains: $(cat said)"
cp "$ROOT"/tools/examples/sw.* units
verify units/sw.mount units/sw.automount >said 2>&1 || fail "systemd refuses the examples: $(cat said)"
! grep -q "sw\.\(auto\)\?mount" said || fail "systemd complains: $(cat said)"
findmnt --verify --tab-file "$ROOT/tools/examples/fstab" >said 2>&1 || true
grep -q "^0 parse errors" said || fail "findmnt complains: $(cat said)"

# What is there already stays, and what is wrong is told of while the rest goes on.
rm -r units/*
echo "# fstab's" >'units/boot\x2dsw.mount'
printf '[repository bad]\nurl = https://x\nmount_point = bad\n' >>etc/granary.conf
GRANARY_CONFIG=$WORK/etc expect_fail 1 "$generator" "$WORK/units"
expect_said "granary.conf:12"
expect_said "is there already"
expect_equal "$(cat 'units/boot\x2dsw.mount')" "# fstab's"
[ -e 'units/srv-my\x20debian.automount' ] || fail "one fault hinders the others"

# The example of a configuration says nothing as it is, and is right once it is uncommented.
"$GRANARY" showconfig --config "$ROOT/tools/examples/granary.conf" >said
expect_equal "$(cat said)" ""
sed -n 's/^#\([a-z[].*\)$/\1/p' "$ROOT/tools/examples/granary.conf" | grep -E '^(\[|[a-z_]+ =)' >etc/granary.conf
: >etc/debian.trust
"$GRANARY" showconfig debian --config "$WORK/etc" --json >live.json
expect_equal "$(json values.mount_point.value live.json)" /sw
