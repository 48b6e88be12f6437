// UEFI reads a FAT file system inside the image, ISOLINUX the ISO 9660 around it, and neither the other's. So that
// kernel and initramfs do not lie there twice, the directory of the ISO 9660 file system is told that its two files lie
// where they are inside the FAT (ECMA-119, 9.1: "Location of Extent"): sectors of 2 KiB on both sides, each file in one
// run.
#include "builder/micro/iso_medium.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "builder/micro/boot_menu.h"
#include "builder/micro/fat_image.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr uint64_t kSectorBytes = 2048;
constexpr size_t kMaxImageBytes = size_t{1} << 30;
constexpr const char* kEfiImage = "granary/efi.img";

Status write(const std::string& path, ByteView bytes) {
  TRY(make_directories(std::filesystem::path(path).parent_path().string()));
  return replace_file(path, bytes, 0644, Durability::kFast);
}

Status lay_out(const MediumContent& content, const std::string& scratch, const std::string& folder) {
  const auto put = [&](const char* name, ByteView bytes) { return write(str(folder, "/", name), bytes); };
  TRY(put("isolinux/isolinux.bin", TRY(file_of_package("/usr/lib/ISOLINUX/isolinux.bin", "isolinux"))));
  TRY(put("isolinux/ldlinux.c32",
          TRY(file_of_package("/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common"))));
  TRY(put("isolinux/isolinux.cfg", syslinux_menu(content, kKernelOnMedium, kInitrdOnMedium)));
  // Their places; see above.
  for (const char* name : {kKernelOnMedium, kInitrdOnMedium}) TRY(put(name + 1, "-"));
  std::vector<Bytes> texts;
  const std::vector<FatFile> files = TRY(boot_files(content, texts));
  TRY(put(kMarkOnMedium + 1, texts.back()));
  return make_fat_image(content, files, {0, kSectorBytes}, scratch, folder + "/" + kEfiImage);
}

struct DirectoryRecord {
  size_t at = 0;  // in the image
  uint32_t first_sector = 0, size_bytes = 0;
};

// The record of the only file of that name, such as "VMLINUZ.;1".
Result<DirectoryRecord> record_of(ByteView image, const std::string& name) {
  constexpr size_t kNameAt = 33, kLengthAt = 32;
  const std::string field = static_cast<char>(name.size()) + name;
  for (size_t at = image.find(field); at != image.npos; at = image.find(field, at + 1)) {
    if (at < kLengthAt) continue;
    DirectoryRecord record{at - kLengthAt, 0, 0};
    ByteReader reader(image.substr(record.at));
    const uint8_t length = reader.u8();
    reader.u8();
    record.first_sector = reader.u32();
    reader.u32();
    record.size_bytes = reader.u32();
    if (reader.ok() && length >= kNameAt + name.size()) return record;
  }
  return Error{Code::kInternal, str("xorriso wrote no file ", name)};
}

// Little-endian, then big-endian.
Bytes both_ways(uint32_t value) {
  Bytes bytes = ByteWriter().u32(value).take();
  bytes.append(bytes.rbegin(), bytes.rend());
  return bytes;
}

Status point_into(Bytes& image, const std::string& name, const DirectoryRecord& efi, ByteView content) {
  const DirectoryRecord record = TRY(record_of(image, name));
  const size_t begin = efi.first_sector * kSectorBytes;
  const ByteView inside = ByteView(image).substr(begin, efi.size_bytes);
  const size_t at = inside.find(content);
  if (at == inside.npos || (begin + at) % kSectorBytes != 0)
    return Error{Code::kInternal, str(name, " does not lie in one run inside ", kEfiImage)};
  const auto sector = static_cast<uint32_t>((begin + at) / kSectorBytes);
  image.replace(record.at + 2, 8, both_ways(sector));
  image.replace(record.at + 10, 8, both_ways(static_cast<uint32_t>(content.size())));
  return Done{};
}
}  // namespace

Status write_iso(const MediumContent& content, const std::string& scratch, const std::string& path) {
  const std::string folder = scratch + "/iso";
  TRY(lay_out(content, scratch, folder));
  TRY(file_of_package("/usr/lib/ISOLINUX/isohdpfx.bin", "isolinux"));
  TRY(run_maker(content,
                {"xorriso",
                 "-as",
                 "mkisofs",
                 "-quiet",
                 "-R",
                 "-V",
                 kVolumeLabel,
                 "--set_all_file_dates",
                 str("=", content.time),
                 "-b",
                 "isolinux/isolinux.bin",
                 "-c",
                 "isolinux/boot.cat",
                 "-no-emul-boot",
                 "-boot-load-size",
                 "4",
                 "-boot-info-table",
                 "-eltorito-alt-boot",
                 "-e",
                 kEfiImage,
                 "-no-emul-boot",
                 "-isohybrid-mbr",
                 "/usr/lib/ISOLINUX/isohdpfx.bin",
                 "-isohybrid-gpt-basdat",
                 "-o",
                 path,
                 folder},
                "xorriso"));
  Bytes image = TRY(read_file(path, kMaxImageBytes));
  const DirectoryRecord efi = TRY(record_of(image, "EFI.IMG;1"));
  TRY(point_into(image, "VMLINUZ.;1", efi, content.kernel));
  TRY(point_into(image, "INITRD.;1", efi, content.initrd));
  return replace_file(path, image, 0644, Durability::kFast);
}

}  // namespace granary
