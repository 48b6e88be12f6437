// Which device becomes scratch. Decides, and writes nothing: the rules of scratch.h, as a function of what the devices
// hold.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "initramfs/scratch/block_device.h"
#include "initramfs/scratch/partition_table.h"
#include "initramfs/settings.h"

namespace granary {

struct ScratchChoice {
  enum class What {
    kUse,        // `device` has our file system
    kFormat,     // `device` is empty, and becomes ours
    kPartition,  // `device` is the boot disk: a partition is made in `room`, and becomes ours
    kMemory,     // nothing fits
  } what = What::kMemory;
  BlockDevice device;
  FreeRoom room;
  std::string why;  // for people: why this one; of kMemory what there was instead
};

// Whether a disk's first partition is the boot partition of a Granary image (it holds the file granary/boot-loader).
using IsBootDisk = std::function<bool(const BlockDevice& disk, const BlockDevice& first_partition)>;

// Smaller ones are left alone: a cache and a file system's own tables would fill them.
inline constexpr uint64_t kMinScratchBytes = 64 << 20;

// Only what a start before this one made, or the settings name: nothing else is looked for.
std::optional<ScratchChoice> find_existing_scratch(const Settings& settings, const std::vector<BlockDevice>& devices);
ScratchChoice choose_scratch(const Settings& settings, const std::vector<BlockDevice>& devices,
                             const IsBootDisk& is_boot_disk);

}  // namespace granary
