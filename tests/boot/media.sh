# The micro image started from each medium, under BIOS and UEFI, until its init says its first words.
# needs: qemu-system-x86_64 qemu-img mcopy mkfs.vfat syslinux xorriso objcopy
# timeout: 1800
# manual

. "$ROOT/tests/boot/lib.sh"

firmware=/usr/share/ovmf/OVMF.fd
"$GRANARY" init os --name os.example.org --keys keys >/dev/null 2>&1
find keys -name '*.trust' -exec cp {} os.trust \;

build() {
  "$GRANARY" micro build --kernel "$FIXTURE/micro/vmlinuz" --repo http://10.0.2.2:1/os --trust os.trust \
    --set network=none --set retries=0 --set on_failure=poweroff --format "$1" -o "image.$1" >built 2>errors ||
    fail "$1 is not made: $(cat errors)"
}

# starts NAME QEMU-OPTIONS...: the machine reaches init.
starts() {
  local name=$1 process
  shift
  timeout 300 qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 512 -display none -no-reboot -nic none \
    -serial "file:$name.console" "$@" >"$name.qemu" 2>&1 &
  process=$!
  until grep -aq 'granary: \[' "$name.console" 2>/dev/null; do
    kill -0 $process 2>/dev/null || fail "$name: $(cat "$name.qemu") $(tail -c 2000 "$name.console")"
    sleep 0.5
  done
  kill $process
  wait $process || true
  echo "$name starts"
}

build iso
starts iso-bios -cdrom image.iso
starts iso-uefi -bios $firmware -cdrom image.iso
starts iso-as-disk -drive file=image.iso,format=raw,if=ide,snapshot=on

build raw
starts raw-bios -drive file=image.raw,format=raw,if=ide
starts raw-uefi -bios $firmware -drive file=image.raw,format=raw,if=ide

build uki
mkdir -p esp/EFI/BOOT
cp image.uki esp/EFI/BOOT/BOOTX64.EFI
starts uki -bios $firmware -drive file=fat:rw:esp,format=raw,if=ide

for format in qcow2 vmdk vdi vhd; do
  build $format
  driver=${format/vhd/vpc}
  starts $format -drive "file=image.$format,format=$driver,if=ide"
done

build ova
tar -xf image.ova
sha256sum granary-disk1.vmdk | says "$(sed -n 's/^SHA256(granary-disk1.vmdk)= //p' granary.mf)" || fail "the OVA's digest is wrong"
starts ova -drive file=granary-disk1.vmdk,format=vmdk,if=ide
