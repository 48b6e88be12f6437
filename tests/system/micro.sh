# granary micro build: what goes in, what comes out, what is refused; with stand-ins for the large parts.
# needs: qemu-img mcopy mkfs.vfat syslinux xorriso objcopy cpio xz strip
# timeout: 300

export SOURCE_DATE_EPOCH=1795000000 GRANARY_MICRO_PARTS=$WORK/parts
"$GRANARY" init repo --name sw.example.org --keys keys >/dev/null 2>&1
find keys -name '*.trust' -exec cp {} sw.trust \;
mkdir parts
for part in granary-mount busybox e2fs; do cp /bin/true parts/$part; done
cp "$(dirname "$GRANARY")/granary-init" parts/granary-init
strip parts/granary-init
$PYTHON - <<'END'
image = bytearray(b"\x90" * 65536)
image[0x202:0x206] = b"HdrS"
image[0x20e:0x210] = b"\x00\x03"
image[0x500:0x520] = b"6.1.0-1-test (a@b) #1".ljust(32, b"\0")
open("vmlinuz", "wb").write(image)
END
printf -- '-----BEGIN CERTIFICATE-----\n' >ca.pem
build() { "$GRANARY" micro build --kernel vmlinuz --ca ca.pem --repo http://repo.example.org/sw --trust sw.trust "$@"; }

# Kernel, initramfs and what is said to the kernel; the initramfs holds what init looks for.
build --format kernel+initrd -o out --branch stable --set persistent=no --append 'quiet' >said
says 'granary-mount' <said || fail "the parts are not told: $(cat said)"
expect_equal "$(cat out/cmdline)" 'console=tty0 console=ttyS0,115200 panic=10 quiet'
says "$(sha256sum out/initrd | cut -d' ' -f1)" <said || fail "the digest is not told"
mkdir root
xz -dc out/initrd | (cd root && cpio -id --quiet --no-absolute-filenames 2>/dev/null) || true
expect_equal "$(readlink root/init)" bin/granary-init
expect_equal "$(readlink root/sbin/mke2fs)" ../bin/e2fs
cmp root/etc/granary/trust/sw.example.org.trust sw.trust
cmp root/etc/ssl/certs/ca-certificates.crt ca.pem
expect_equal "$(sed -n 2p root/etc/granary/version)" 2026-11-18T11:06:40Z
says '^repository = http://repo.example.org/sw$' <root/etc/granary/micro.conf
says '^branch = stable$' <root/etc/granary/micro.conf
says '^persistent = no$' <root/etc/granary/micro.conf
for folder in dev proc sys run tmp newroot; do [ -d root/$folder ] || fail "there is no /$folder"; done

# Every format, twice the same bytes, whole or not there.
for format in iso raw uki qcow2 vmdk vdi vhd ova; do
  build --format $format -o image.$format --json >outcome
  expect_equal "$($PYTHON -c 'import json; print(json.load(open("outcome"))["format"])')" $format
  mv image.$format first
  build --format $format -o image.$format >/dev/null
  cmp first image.$format || fail "$format is not the same twice"
done
expect_equal "$(qemu-img info --output=json image.qcow2 | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["virtual-size"])')" 8589934592
build --format raw --size 32M -o disk.raw >/dev/null
expect_equal "$(stat -c %s disk.raw)" 33554432
MTOOLS_SKIP_CHECK=1 mcopy -i disk.raw@@1M ::/granary/vmlinuz copy && cmp copy vmlinuz
MTOOLS_SKIP_CHECK=1 mcopy -i disk.raw@@1M ::/granary/initrd copy2
MTOOLS_SKIP_CHECK=1 mdir -i disk.raw@@1M ::/granary | says -i boot-loader || fail "init cannot know its disk"

# Refused before anything is made, with the cure.
expect_fail 9 build --format iso -o image.iso
expect_said "--force"
expect_fail 3 build --format floppy -o x
expect_said "kernel+initrd"
expect_fail 3 build --format iso -o x --set retries=many
expect_said "retries"
expect_fail 3 build --format iso -o x --set no_such=1
expect_said "no_such"
expect_fail 15 "$GRANARY" micro build --kernel vmlinuz --repo /srv/sw --trust sw.trust --format iso -o x
expect_fail 3 "$GRANARY" micro build --kernel vmlinuz --repo http://repo.example.org/sw --format iso -o x
expect_said "--trust"
expect_fail 3 "$GRANARY" micro build --kernel vmlinuz --trust sw.trust --format iso -o x
expect_said "--no-repo"
expect_fail 14 build --format iso -o x --trust ca.pem
expect_fail 3 "$GRANARY" micro build --kernel ca.pem --repo http://repo.example.org/sw --trust sw.trust --format iso -o x
expect_said "bzImage"
expect_fail 10 build --format raw --size 1M -o x
expect_fail 4 env GRANARY_MICRO_PARTS=/nothing "$GRANARY" micro build --kernel vmlinuz --repo http://repo.example.org/sw --trust sw.trust --format iso -o x
expect_said "tools/dev micro-parts"
[ ! -e x ] || fail "something was made"
