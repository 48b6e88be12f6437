// Mounting and unmounting, with words for what went wrong; and what is mounted now.
#pragma once

#include <sys/mount.h>

#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

struct MountRequest {
  std::string what, where, type;
  unsigned long flags = 0;
  std::string options;  // the file system's own
};
// Makes the mount point. The kernel's reason is in the message.
Status mount_at(const MountRequest& request);
Status move_mount_to(const std::string& from, const std::string& to);
// kBusy: in use. Not mounted is success.
Status unmount(const std::string& where, int flags = 0);

struct MountedAt {
  std::string where, type;
  bool operator==(const MountedAt&) const = default;
};
// Of /proc/self/mountinfo, in its order: later ones lie above earlier ones.
std::vector<MountedAt> parse_mount_info(std::string_view text);
std::vector<MountedAt> mounted_now();
bool is_mount_point(const std::string& where);

}  // namespace granary
