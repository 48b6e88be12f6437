#include "initramfs/scratch/file_system.h"

#include <fcntl.h>

#include "fs/base/file.h"

namespace granary {

namespace {
uint64_t little_endian(ByteView head, size_t offset, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width && offset + i < head.size(); ++i)
    value |= uint64_t{static_cast<unsigned char>(head[offset + i])} << (8 * i);
  return value;
}

bool has(ByteView head, size_t offset, std::string_view what) {
  return head.size() >= offset + what.size() && head.substr(offset, what.size()) == what;
}

// Up to the first NUL, blanks at the end left out.
std::string label_at(ByteView head, size_t offset, size_t width) {
  if (head.size() < offset + width) return {};
  ByteView label = head.substr(offset, width);
  label = label.substr(0, label.find('\0'));
  while (!label.empty() && label.back() == ' ') label.remove_suffix(1);
  return std::string(label);
}

// linux/Documentation/filesystems/ext4: the superblock begins at byte 1024.
FileSystemFound ext4(ByteView head) {
  constexpr size_t kAt = 1024;
  const uint64_t shift = little_endian(head, kAt + 24, 4);
  const bool wide = (little_endian(head, kAt + 96, 4) & 0x80) != 0;
  const uint64_t blocks = little_endian(head, kAt + 4, 4) | (wide ? little_endian(head, kAt + 336, 4) << 32 : 0);
  FileSystemFound found{"ext4", label_at(head, kAt + 120, 16), 0};
  if (shift <= 6 && blocks < (uint64_t{1} << 46)) found.size_bytes = blocks << (10 + shift);
  return found;
}

bool is_vfat(ByteView head) {
  return has(head, 510, "\x55\xaa") && (has(head, 54, "FAT1") || has(head, 82, "FAT32   "));
}

struct Magic {
  const char* type;
  size_t offset;
  std::string_view bytes;
};
// Those that people put on disks. A name for the message; what is not here is "something unknown".
constexpr Magic kMagics[]{
    {"xfs", 0, "XFSB"},
    {"btrfs", 65600, "_BHRfS_M"},
    {"swap", 4086, "SWAPSPACE2"},
    {"swap", 4086, "SWAP-SPACE"},
    {"LUKS", 0, "LUKS\xba\xbe"},
    {"LVM", 512, "LABELONE"},
    {"LVM", 0, "LABELONE"},
    {"RAID", 4096, "\xfc\x4e\x2b\xa9"},
    {"RAID", 0, "\xfc\x4e\x2b\xa9"},
    {"ntfs", 3, "NTFS    "},
    {"exfat", 3, "EXFAT   "},
    {"squashfs", 0, "hsqs"},
    {"erofs", 1024, "\xe2\xe1\xf5\xe0"},
    {"f2fs", 1024, "\x10\x20\xf5\xf2"},
    {"iso9660", 32769, "CD001"},
    {"udf", 32769, "BEA01"},
    {"bcache", 4120, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca"},
    {"a partition table (GPT)", 512, "EFI PART"},
};
}  // namespace

FileSystemFound identify_file_system(ByteView head) {
  if (has(head, 1024 + 56, "\x53\xef")) return ext4(head);
  for (const Magic& magic : kMagics) {
    if (has(head, magic.offset, magic.bytes)) return {magic.type, "", 0};
  }
  if (is_vfat(head)) return {"vfat", label_at(head, has(head, 82, "FAT32   ") ? 71 : 43, 11), 0};
  if (has(head, 510, "\x55\xaa")) return {"a partition table or a boot loader", "", 0};
  return {};
}

Result<FileSystemFound> file_system_on(const std::string& path) {
  const UniqueFd device = TRY(open_file(path, O_RDONLY | O_CLOEXEC));
  return identify_file_system(TRY(read_at(device.get(), 0, kFileSystemHeadBytes)));
}

}  // namespace granary
