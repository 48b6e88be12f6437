// Where things stand: ISO 9660 (ECMA-119, 8.4): the primary volume descriptor is sector 16, of 2,048 bytes. FAT
// (Microsoft's specification of 2000): the label is in the boot sector, and, newer, an entry of the root directory.
// ext4 (Documentation/filesystems/ext4): the super block is at 1,024.
#include "initramfs/context/volumes.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "fs/base/file.h"
#include "initramfs/folder.h"
#include "initramfs/paths.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

namespace granary {

namespace {
constexpr size_t kBeginningBytes = 64 << 10;
constexpr size_t kMostVolumes = 32;

std::string label_of(ByteView field) {
  field = field.substr(0, field.find('\0'));
  while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
  return printable(field);
}

uint32_t number_at(ByteView bytes, size_t at, size_t width) {
  uint32_t number = 0;
  for (size_t i = 0; i < width; ++i) number |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  return number;
}

// The label in the root directory, if that is within reach; FAT12 and FAT16 have it right behind the tables.
std::string label_in_directory(ByteView bytes) {
  const size_t sector = number_at(bytes, 11, 2);
  const size_t begin = (number_at(bytes, 14, 2) + bytes[16] * static_cast<size_t>(number_at(bytes, 22, 2))) * sector;
  const size_t entries = number_at(bytes, 17, 2);
  for (size_t i = 0; i < entries && begin + 32 * (i + 1) <= bytes.size(); ++i) {
    const ByteView entry = bytes.substr(begin + 32 * i, 32);
    if (entry[0] == '\0') break;
    if ((entry[11] & 0x3f) == 0x08) return label_of(entry.substr(0, 11));
  }
  return {};
}

std::optional<VolumeKind> identify_vfat(ByteView bytes) {
  if (bytes.size() < 512 || bytes.substr(510, 2) != "\x55\xaa") return std::nullopt;
  const bool is_32 = bytes.substr(82, 5) == "FAT32";
  if (!is_32 && bytes.substr(54, 3) != "FAT") return std::nullopt;
  std::string label = is_32 ? "" : label_in_directory(bytes);
  if (label.empty()) label = label_of(bytes.substr(is_32 ? 71 : 43, 11));
  return VolumeKind{"vfat", label == "NO NAME" ? "" : label};
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_seed(const VolumeKind& kind) {
  if (kind.type == "iso9660") return true;
  const std::string label = lower(kind.label);
  return kind.type == "vfat" && (label == "cidata" || label == "config-2" || label == "context");
}

std::vector<std::string> block_devices() {
  std::vector<std::string> devices;
  for (const std::string& name : names_in("/sys/class/block")) {
    static constexpr const char* kNever[] = {".", "ram", "zram", "fd", "nbd"};
    if (std::none_of(std::begin(kNever), std::end(kNever), [&](const char* one) { return name.starts_with(one); }))
      devices.push_back("/dev/" + name);
  }
  std::sort(devices.begin(), devices.end());
  return devices;
}

std::optional<VolumeKind> kind_of(const std::string& device) {
  const auto file = open_file(device, O_RDONLY | O_NONBLOCK);
  if (!file) return std::nullopt;  // a drive without a medium, for one
  const auto beginning = read_at(file->get(), 0, kBeginningBytes);
  return beginning ? identify_volume(*beginning) : std::nullopt;
}
}  // namespace

std::optional<VolumeKind> identify_volume(ByteView beginning) {
  constexpr size_t kDescriptor = 32768;
  if (beginning.size() >= kDescriptor + 2048 && beginning.substr(kDescriptor, 6) == ByteView("\x01"
                                                                                             "CD001",
                                                                                             6))
    return VolumeKind{"iso9660", label_of(beginning.substr(kDescriptor + 40, 32))};
  if (beginning.size() >= 2048 && beginning.substr(1024 + 56, 2) == "\x53\xef")
    return VolumeKind{"ext4", label_of(beginning.substr(1024 + 120, 16))};
  return identify_vfat(beginning);
}

MountedVolumes MountedVolumes::attach(Which which) {
  MountedVolumes mounted;
  for (const std::string& device : block_devices()) {
    const auto kind = kind_of(device);
    if (!kind || (which == Which::kSeeds && !is_seed(*kind)) || mounted.volumes_.size() == kMostVolumes) continue;
    const std::string folder = std::string(paths::kBootFolder) + "/seeds/" + std::to_string(mounted.volumes_.size());
    const Status made = make_directories(folder);
    const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW;
    const char* const options = kind->type == "ext4" ? "noload" : "";
    if (made && ::mount(device.c_str(), folder.c_str(), kind->type.c_str(), flags, options) == 0)
      mounted.volumes_.push_back({device, kind->label, kind->type, folder});
    else if (errno != EBUSY && is_seed(*kind))
      mounted.complaints_.push_back(
          system_error(errno, "cannot look into " + device + " (" + kind->type + ")").message);
  }
  return mounted;
}

MountedVolumes::~MountedVolumes() {
  for (const SeedVolume& volume : volumes_) {
    ::umount2(volume.folder.c_str(), MNT_DETACH);
    ::rmdir(volume.folder.c_str());
  }
}

}  // namespace granary
