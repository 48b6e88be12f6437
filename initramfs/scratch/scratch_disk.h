// The scratch file system on its device: made, checked, grown and mounted, with the programs of e2fsprogs.
#pragma once

#include <string>

#include "fs/base/result.h"
#include "initramfs/scratch/block_device.h"
#include "initramfs/scratch/partition_table.h"

namespace granary {

// A fresh ext4 with our label. Only for what was found empty.
Status make_scratch_file_system(const std::string& device);

// A partition in `room` of `disk`, on the disk and in the kernel's mind. The device that it is.
//   kConflict  the disk's first sector is not what it was when the room was found
Result<BlockDevice> make_partition(const BlockDevice& disk, const FreeRoom& room);

// Repairs what can be repaired without asking (e2fsck -p), or everything (-y). What it did, in words; "" when it was
// clean.
//   kCorrupt  it needs somebody to decide: `everything` must be asked for
Result<std::string> check_scratch_file_system(const std::string& device, bool everything);

// Lets the mounted file system, and on our boot disk first its partition, take what its disk has got more. In words;
// "" when there was nothing to take.
Result<std::string> grow_scratch(const BlockDevice& device, const std::string& mount_point);

// Some room that is given up when the disk is full, so that a full disk is no dead machine.
inline constexpr uint64_t kReserveBytes = 32 << 20;
// Gives up the reserve, then the cache, until there is some room; makes the reserve when there is plenty. In words; ""
// when nothing had to be given up.
std::string keep_some_room(const std::string& scratch);

}  // namespace granary
