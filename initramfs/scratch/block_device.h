// Block devices: disks and partitions as the kernel lists them below /sys/class/block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

struct BlockDevice {
  std::string name, path;  // "vda1", "/dev/vda1"
  std::string disk;        // the name of the disk that a partition is on; of a disk, empty
  uint32_t partition = 0;  // its number; of a disk 0
  uint64_t start_bytes = 0, size_bytes = 0;
  bool read_only = false, removable = false;
  bool in_use = false;  // held by another device: RAID, LVM, encryption
  bool is_disk() const { return disk.empty(); }
  bool operator==(const BlockDevice&) const = default;
};

// Disks, each followed by its partitions, in the order of their names. Not: CDs, floppies, loops, memory disks, and
// what others are made of.
std::vector<BlockDevice> block_devices(const std::string& sys_folder = "/sys/class/block");

// "vda" before "vdaa"; "sda2" before "sda10".
bool comes_before(const BlockDevice& a, const BlockDevice& b);

}  // namespace granary
