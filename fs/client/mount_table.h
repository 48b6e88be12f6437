// The kernel's table of mounts (/proc/self/mountinfo), which answers without asking any filesystem.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

struct MountPoint {
  std::string path;
  std::string type;    // "fuse.granary" for ours
  std::string source;  // ours: the URL
  std::string super_options;
  dev_t device = 0;

  bool is_granary() const { return type == "fuse.granary"; }
};

// In the order in which they were mounted: of several on one path, the last one is seen.
Result<std::vector<MountPoint>> read_mount_table();
// For tests: from the text of mountinfo.
std::vector<MountPoint> parse_mount_table(const std::string& text);

// What is mounted exactly at `path` (absolute, without symbolic links).
Result<std::optional<MountPoint>> mounted_at(const std::string& path);

// The path as the table has it: absolute, symbolic links of all but the last component resolved, so that a dead mount
// at its end is not touched.
Result<std::string> mount_path(const std::string& path);

}  // namespace granary
