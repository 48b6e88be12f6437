// Several mounts asked at the same time, each within its own time: one that hangs holds up nobody.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/client/mount_table.h"

namespace granary {

// The mounts at these paths, or without any, all of Granary's on this host, each once, that are on top of their path.
//   kNotFound  there is none at one of the paths
Result<std::vector<MountPoint>> chosen_mounts(const std::vector<std::string>& paths);

struct MountAnswer {
  MountPoint mount;
  Result<std::string> answer;
};
// In the order of `mounts`. Returns after little more than `timeout`.
std::vector<MountAnswer> ask_mounts(const std::vector<MountPoint>& mounts, const std::string& question,
                                    std::chrono::milliseconds timeout);

}  // namespace granary
