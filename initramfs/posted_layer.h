// The posted layer: what the micro image adds to the OS, as the lowest layer of the overlay, so that it is seen only
// where the snapshot has nothing of that name: drivers for the kernel that runs, granary-guest, and what tells us that
// the OS has started (a systemd unit, or a script of sysvinit's). For cloud-init, what it has to leave alone.
#pragma once

#include <string>

#include "fs/base/result.h"

namespace granary {

enum class OsInit { kSystemd, kSysvinit, kOther };
OsInit os_init_of(const std::string& tree);
bool has_cloud_init(const std::string& tree);

// Fills `posted` for the OS in `tree`. `modules` is the initramfs's /lib/modules; the running kernel's move, so that
// they do not take memory twice, unless the tree has its own. What was posted, in words.
Result<std::string> post_layer(const std::string& tree, const std::string& modules, const std::string& kernel,
                               const std::string& posted);

}  // namespace granary
