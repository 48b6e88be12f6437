#include "builder/micro/disk_medium.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "builder/micro/boot_menu.h"
#include "builder/micro/fat_image.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint32_t kFirstSector = 2048;
constexpr uint64_t kFreeBytes = 512 << 10;  // beside what is on it, for SYSLINUX's own file and a little more
constexpr uint8_t kActive = 0x80;
constexpr uint8_t kTypeFat16Lba = 0x0E;
constexpr size_t kBootCodeBytes = 440;

Status copy_into(const std::string& from, int to, off_t offset) {
  const UniqueFd file = TRY(open_file(from, O_RDONLY | O_CLOEXEC));
  for (off_t at = 0;;) {
    const Bytes piece = TRY(read_at(file.get(), at, kMiB));
    if (piece.empty()) return Done{};
    TRY(write_all_at(to, offset + at, piece));
    at += static_cast<off_t>(piece.size());
  }
}

// One active partition. Addresses by cylinder, head and sector are as far away as can be said: nobody uses them.
Bytes boot_record(ByteView code, uint32_t disk_id, uint32_t sectors) {
  const auto beyond = [](ByteWriter& out) -> ByteWriter& { return out.u8(0xFE).u8(0xFF).u8(0xFF); };
  ByteWriter out;
  out.bytes(code.substr(0, kBootCodeBytes)).bytes(Bytes(kBootCodeBytes - std::min(kBootCodeBytes, code.size()), '\0'));
  out.u32(disk_id).u16(0).u8(kActive);
  beyond(out).u8(kTypeFat16Lba);
  beyond(out).u32(kFirstSector).u32(sectors);
  out.bytes(Bytes(48, '\0')).u8(0x55).u8(0xAA);
  return out.take();
}

Status make_boot_partition(const MediumContent& content, const std::string& scratch, const std::string& path) {
  std::vector<Bytes> texts;
  std::vector<FatFile> files = TRY(boot_files(content, texts));
  const std::string menu = syslinux_menu(content, kKernelOnMedium, kInitrdOnMedium);
  files.push_back({"syslinux.cfg", menu});
  TRY(make_fat_image(content, files, {kFreeBytes, 0, kFirstSector}, scratch, path));
  return run_maker(content, {"syslinux", "--install", path}, "syslinux", {"MTOOLS_SKIP_CHECK=1"});
}

Result<uint64_t> make_raw_disk(const MediumContent& content, const std::string& scratch, const std::string& path) {
  const Bytes code = TRY(file_of_package("/usr/lib/syslinux/mbr/mbr.bin", "syslinux-common"));
  const std::string partition = scratch + "/partition";
  TRY(make_boot_partition(content, scratch, partition));
  const uint64_t partition_bytes = std::filesystem::file_size(partition);
  const uint64_t least_bytes = kFirstSector * kSectorBytes + partition_bytes;
  const uint64_t disk_bytes = content.disk_bytes == 0 ? least_bytes : content.disk_bytes / kMiB * kMiB;
  if (disk_bytes < least_bytes)
    return Error{Code::kNoSpace, str("a disk of ", content.disk_bytes,
                                     " bytes is too small: kernel and initramfs need ", least_bytes / kMiB, "M")};
  const UniqueFd disk = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (::ftruncate(disk.get(), static_cast<off_t>(disk_bytes)) != 0)
    return system_error(errno, "cannot make " + printable(path));
  const auto sectors = static_cast<uint32_t>(partition_bytes / kSectorBytes);
  TRY(write_all_at(disk.get(), 0, boot_record(code, content.number("disk"), sectors)));
  TRY(copy_into(partition, disk.get(), kFirstSector * kSectorBytes));
  TRY(remove_tree(partition));
  return disk_bytes;
}

// How large the disk is. qemu-img gives some kinds ids by chance: the caller writes over them.
Result<uint64_t> convert(const MediumContent& content, const std::string& scratch, std::vector<std::string> options,
                         const std::string& path) {
  const std::string raw = scratch + "/raw";
  const uint64_t disk_bytes = TRY(make_raw_disk(content, scratch, raw));
  std::vector<std::string> words{"qemu-img", "convert", "-f", "raw", "-m", "1"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {raw, path});
  TRY(run_maker(content, std::move(words), "qemu-utils"));
  TRY(remove_tree(raw));
  return disk_bytes;
}

Status write_over(const std::string& path, uint64_t offset, ByteView bytes) {
  const UniqueFd file = TRY(open_file(path, O_WRONLY | O_CLOEXEC));
  return write_all_at(file.get(), static_cast<off_t>(offset), bytes);
}

Bytes raw_uuid(const MediumContent& content, std::string_view use) {
  Bytes raw;
  std::string text = content.uuid(use);
  std::erase(text, '-');
  const auto bytes = from_hex(text);
  return bytes ? *bytes : Bytes(16, '\1');
}

Bytes big_endian(uint64_t value, size_t width_bytes) {
  Bytes out;
  for (size_t i = width_bytes; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

struct Cylinders {
  uint32_t cylinders = 0, heads = 0, sectors = 0;
};

// The specification's appendix, "CHS Calculation".
Cylinders cylinders_of(uint64_t sectors) {
  Cylinders geometry;
  uint64_t tracks = 0;
  sectors = std::min<uint64_t>(sectors, 65535 * 16 * 255);
  if (sectors >= 65535 * 16 * 63) {
    geometry.sectors = 255;
    geometry.heads = 16;
    tracks = sectors / geometry.sectors;
  } else {
    geometry.sectors = 17;
    tracks = sectors / geometry.sectors;
    geometry.heads = static_cast<uint32_t>(std::max<uint64_t>((tracks + 1023) / 1024, 4));
    if (tracks >= geometry.heads * 1024 || geometry.heads > 16) {
      geometry.sectors = 31;
      geometry.heads = 16;
      tracks = sectors / geometry.sectors;
    }
    if (tracks >= geometry.heads * 1024) {
      geometry.sectors = 63;
      geometry.heads = 16;
      tracks = sectors / geometry.sectors;
    }
  }
  geometry.cylinders = static_cast<uint32_t>(tracks / geometry.heads);
  return geometry;
}
}  // namespace

Bytes vhd_footer(uint64_t disk_bytes, UnixSeconds time, ByteView uuid) {
  constexpr UnixSeconds kEpoch = 946684800;  // 2000-01-01
  constexpr size_t kChecksumAt = 64, kFooterBytes = 512;
  const Cylinders geometry = cylinders_of(disk_bytes / kSectorBytes);
  Bytes out = "conectix";
  out += big_endian(2, 4) + big_endian(0x00010000, 4) + big_endian(UINT64_MAX, 8);
  out += big_endian(static_cast<uint64_t>(std::max<UnixSeconds>(time - kEpoch, 0)), 4);
  out += "gran" + big_endian(0x00010000, 4) + "Wi2k";
  out += big_endian(disk_bytes, 8) + big_endian(disk_bytes, 8);
  out += big_endian(geometry.cylinders, 2) + big_endian(geometry.heads, 1) + big_endian(geometry.sectors, 1);
  out += big_endian(2, 4) + big_endian(0, 4);  // fixed; the checksum's place
  out += uuid.substr(0, 16);
  out.resize(kFooterBytes, '\0');
  const uint32_t sum = std::accumulate(out.begin(), out.end(), uint32_t{0}, [](uint32_t so_far, char each) {
    return so_far + static_cast<unsigned char>(each);
  });
  out.replace(kChecksumAt, 4, big_endian(~sum & 0xFFFFFFFF, 4));
  return out;
}

Status write_raw_disk(const MediumContent& content, const std::string& scratch, const std::string& path) {
  TRY(make_raw_disk(content, scratch, path));
  return Done{};
}

Status write_qcow2(const MediumContent& content, const std::string& scratch, const std::string& path) {
  TRY(convert(content, scratch, {"-c", "-O", "qcow2"}, path));
  return Done{};
}

Status write_vmdk(const MediumContent& content, const std::string& scratch, const std::string& path) {
  TRY(write_vmdk_of_size(content, scratch, path));
  return Done{};
}

Result<uint64_t> write_vmdk_of_size(const MediumContent& content, const std::string& scratch, const std::string& path) {
  constexpr uint64_t kDescriptorAt = 512;
  const uint64_t disk_bytes =
      TRY(convert(content, scratch, {"-O", "vmdk", "-o", "subformat=streamOptimized,compat6=on"}, path));
  // A line of text, which it writes as long as the number is.
  const UniqueFd file = TRY(open_file(path, O_RDONLY | O_CLOEXEC));
  Bytes descriptor = TRY(read_at(file.get(), kDescriptorAt, 4096));
  descriptor.resize(std::min(descriptor.find('\0'), descriptor.size()));
  constexpr std::string_view kLine = "\nCID=";
  const size_t at = descriptor.find(kLine);
  if (at == descriptor.npos) return Error{Code::kInternal, "qemu-img wrote a vmdk without a CID"};
  const size_t begin = at + kLine.size(), end = descriptor.find('\n', begin);
  char id[9];
  std::snprintf(id, sizeof id, "%08x", content.number("vmdk"));
  descriptor.replace(begin, end - begin, id);
  TRY(write_over(path, kDescriptorAt, descriptor));
  return disk_bytes;
}

Status write_vdi(const MediumContent& content, const std::string& scratch, const std::string& path) {
  constexpr uint64_t kUuidAt = 0x188;  // of the image, then of its last snapshot
  TRY(convert(content, scratch, {"-O", "vdi"}, path));
  return write_over(path, kUuidAt, raw_uuid(content, "vdi") + raw_uuid(content, "vdi snapshot"));
}

Status write_vhd(const MediumContent& content, const std::string& scratch, const std::string& path) {
  const uint64_t disk_bytes = TRY(make_raw_disk(content, scratch, path));
  return write_over(path, disk_bytes, vhd_footer(disk_bytes, content.time, raw_uuid(content, "vhd")));
}

}  // namespace granary
