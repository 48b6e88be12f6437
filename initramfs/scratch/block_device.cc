#include "initramfs/scratch/block_device.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <tuple>

#include "fs/base/file.h"
#include "initramfs/folder.h"

namespace granary {

namespace {
constexpr uint64_t kSysfsSectorBytes = 512;  // whatever the device's own are

uint64_t number_in(const std::string& path) {
  const auto text = read_file(path, 256);
  uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

// CDs, floppies, loops, memory, network disks, and what is made of other devices.
bool is_no_disk(const std::string& name) {
  static constexpr std::array kKinds{"sr", "fd", "loop", "ram", "zram", "nbd", "md", "dm-", "mtd", "pmem"};
  return std::any_of(kKinds.begin(), kKinds.end(), [&](const char* kind) { return name.starts_with(kind); });
}

BlockDevice describe(const std::string& folder, const std::string& name) {
  BlockDevice device;
  device.name = name;
  device.path = "/dev/" + name;
  device.partition = static_cast<uint32_t>(number_in(folder + "/partition"));
  device.start_bytes = number_in(folder + "/start") * kSysfsSectorBytes;
  device.size_bytes = number_in(folder + "/size") * kSysfsSectorBytes;
  device.read_only = number_in(folder + "/ro") != 0;
  device.removable = number_in(folder + "/removable") != 0;
  device.in_use = !names_in(folder + "/holders").empty();
  return device;
}
}  // namespace

bool comes_before(const BlockDevice& a, const BlockDevice& b) {
  const auto key = [](const BlockDevice& device) {
    const std::string& disk = device.is_disk() ? device.name : device.disk;
    return std::make_tuple(disk.size(), disk, device.partition);
  };
  return key(a) < key(b);
}

std::vector<BlockDevice> block_devices(const std::string& sys_folder) {
  std::vector<BlockDevice> devices;
  for (const std::string& name : names_in(sys_folder)) {
    const std::string folder = str(sys_folder, "/", name);
    // A partition is listed beside its disk, too; it is taken from within the disk's folder, which says whose it is.
    if (is_no_disk(name) || exists(folder + "/partition")) continue;
    const BlockDevice disk = describe(folder, name);
    if (disk.size_bytes == 0) continue;
    devices.push_back(disk);
    for (const std::string& inner : names_in(folder)) {
      if (!inner.starts_with(name) || !exists(str(folder, "/", inner, "/partition"))) continue;
      BlockDevice partition = describe(str(folder, "/", inner), inner);
      partition.disk = name;
      partition.removable = disk.removable;
      devices.push_back(partition);
    }
  }
  std::sort(devices.begin(), devices.end(), comes_before);
  return devices;
}

}  // namespace granary
