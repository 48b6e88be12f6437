// The mount as the kernel has it, apart from whoever answers it: made, found dead and cleared away, let go.
#pragma once

#include <string>

#include "fs/base/unique_fd.h"
#include "fs/client/mount_table.h"
#include "fs/fuse/mount_options.h"

namespace granary {

// Before anything else is done: the directory exists and nothing lives there; dead mounts of ours are cleared away.
// Returns the path as the mount table will have it.
//   kNotFound, kInvalid  no such directory
//   kBusy                something is mounted there
//   kNoFuse              there is no /dev/fuse, or we may not use it
Result<std::string> prepare_mount_point(const std::string& path);

// While a descriptor of its device is open in some process, a mount lives, and requests wait.
struct MountedDevice {
  UniqueFd fuse;
  MountPoint mount;
};
// Mounts, as root by itself, for users through fusermount3; nobody answers yet. `source` is what the mount table shows.
//   kPermission  the system, or fusermount3, does not allow it
Result<MountedDevice> mount_device(const MountOptions& options, const std::string& source, const std::string& path);

// Takes the mount out of the tree if it is still there; it ends when its last user has gone.
void detach(const MountPoint& mount);

// The kernel's read-ahead for this device, to be written to; invalid where that is not ours to change.
UniqueFd open_read_ahead_setting(dev_t device);

}  // namespace granary
