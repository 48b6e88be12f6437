// What others do with a live mount: ask it how it is, see who uses it, let go of it.
// Nothing here waits for ever, and nothing but `mount_stat`'s last resort touches the mounted files.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/client/mount_table.h"

namespace granary {

// The Granary mount at `path`.
//   kNotFound  nothing is mounted there, or nothing of ours
Result<MountPoint> find_mount(const std::string& path);

// The mount's own account: one JSON document (MountStatus::json). Asks its control socket, and where that cannot be
// reached, the root directory's attribute user.granary.stat.
//   kUnavailable  the mount's process is gone or does not answer
Result<std::string> mount_stat(const MountPoint& mount);

struct MountUser {
  pid_t pid = 0;
  std::string command;
  std::string uses;  // "working directory", "open file", "program", "root directory", "mount namespace"
};
// The processes that keep a mount busy, as far as we may see them.
std::vector<MountUser> users_of(const MountPoint& mount);

// Unmounts and waits until the process behind it has ended.
//   kBusy         in use; the message says by whom
//   kPermission   not yours to unmount
//   kUnavailable  unmounted, but its process has not ended in time; the message says who has it in another namespace
enum class Unmount { kClean, kLazy };
Status unmount(const MountPoint& mount, Unmount how, std::chrono::milliseconds timeout);

}  // namespace granary
