#include "builder/micro/fat_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "builder/micro/boot_menu.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kMinClusters = 4096 + 256;  // below 4085 it would be FAT12
constexpr uint64_t kMaxClusters = 65000;       // above 65524 it would be FAT32
constexpr uint64_t kOverheadSectors = 1024;    // boot sector, two tables, the root directory
constexpr uint64_t kAlignBytes = 1 << 20;

struct Geometry {
  uint64_t cluster_sectors = 0, sectors = 0;
};

Result<Geometry> geometry_for(const std::vector<FatFile>& files, const FatNeeds& needs) {
  uint64_t bytes = needs.free_bytes;
  for (const FatFile& file : files) bytes += file.content.size();
  const uint64_t least = std::max<uint64_t>(2, needs.cluster_bytes / kSectorBytes);
  for (uint64_t cluster_sectors = least; cluster_sectors <= 64; cluster_sectors *= 2) {
    const uint64_t cluster_bytes = cluster_sectors * kSectorBytes;
    uint64_t clusters = (bytes + cluster_bytes - 1) / cluster_bytes + 2 * files.size() + 16;
    clusters = std::max(clusters, kMinClusters);
    const uint64_t size = (clusters * cluster_bytes + kOverheadSectors * kSectorBytes + kAlignBytes - 1) / kAlignBytes;
    if (size * kAlignBytes / cluster_bytes <= kMaxClusters)
      return Geometry{cluster_sectors, size * kAlignBytes / kSectorBytes};
  }
  return Error{Code::kUnsupported, str("kernel and initramfs have ", bytes, " bytes, more than FAT16 holds")};
}

// With --invariant mkfs.vfat gives every volume the same.
Status set_volume_id(const std::string& path, uint32_t id) {
  constexpr off_t kOffset = 39;  // in the boot sector of a FAT16
  const UniqueFd file = TRY(open_file(path, O_WRONLY | O_CLOEXEC));
  return write_all_at(file.get(), kOffset, ByteWriter().u32(id).view());
}

// Files take the time of what mtools copies from.
Status write_dated(const std::string& path, ByteView bytes, UnixSeconds time) {
  TRY(replace_file(path, bytes, 0644, Durability::kFast));
  const timespec times[2] = {{time, 0}, {time, 0}};
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) return system_error(errno, "cannot date " + path);
  return Done{};
}

// Each folder on the way to a file, outermost first, once.
std::vector<std::string> folders_of(const std::vector<FatFile>& files) {
  std::vector<std::string> folders;
  std::set<std::string> seen;
  for (const FatFile& file : files) {
    for (size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
      if (seen.insert(file.path.substr(0, slash)).second) folders.push_back(file.path.substr(0, slash));
    }
  }
  return folders;
}
}  // namespace

Status make_fat_image(const MediumContent& content, const std::vector<FatFile>& files, const FatNeeds& needs,
                      const std::string& scratch, const std::string& path) {
  const Geometry geometry = TRY(geometry_for(files, needs));
  {
    const UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (::ftruncate(file.get(), static_cast<off_t>(geometry.sectors * kSectorBytes)) != 0)
      return system_error(errno, "cannot make " + printable(path));
  }
  // Given as 8 MiB, mkfs.vfat would choose FAT12 with more clusters than SYSLINUX grants it.
  TRY(run_maker(content,
                {"mkfs.vfat", "-F", "16", "-s", str(geometry.cluster_sectors), "-n", kVolumeLabel, "-h",
                 str(needs.first_sector), "--invariant", path},
                "dosfstools"));
  TRY(set_volume_id(path, content.number("volume")));
  const std::vector<std::string> environment{"MTOOLS_SKIP_CHECK=1"};
  std::vector<std::string> folders = folders_of(files);
  if (!folders.empty()) {
    std::vector<std::string> words{"mmd", "-i", path};
    for (const std::string& folder : folders) words.push_back("::/" + folder);
    TRY(run_maker(content, std::move(words), "mtools", environment));
  }
  for (const FatFile& file : files) {
    const std::string copy = scratch + "/file";
    TRY(write_dated(copy, file.content, content.time));
    TRY(run_maker(content, {"mcopy", "-m", "-i", path, copy, "::/" + file.path}, "mtools", environment));
  }
  return Done{};
}

Result<std::vector<FatFile>> boot_files(const MediumContent& content, std::vector<Bytes>& texts) {
  texts = {TRY(file_of_package("/usr/lib/systemd/boot/efi/systemd-bootx64.efi", "systemd-boot-efi")), loader_config(),
           loader_entry(content, false), loader_entry(content, true),
           "The micro image of Granary boots from here; the space behind this partition is its to use.\n"};
  return std::vector<FatFile>{{std::string(kKernelOnMedium).substr(1), content.kernel},
                              {std::string(kInitrdOnMedium).substr(1), content.initrd},
                              {std::string(kMarkOnMedium).substr(1), texts[4]},
                              {"EFI/BOOT/BOOTX64.EFI", texts[0]},
                              {"loader/loader.conf", texts[1]},
                              {"loader/entries/normal.conf", texts[2]},
                              {"loader/entries/rescue.conf", texts[3]}};
}

}  // namespace granary
