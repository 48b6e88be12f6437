// The last step: everything moves into the new root, the initramfs is deleted, the OS's init takes our place.
#pragma once

#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

// The first of /sbin/init, /lib/systemd/systemd, /etc/init, /bin/init that is there, as the new root sees it.
//   kNotFound  none: the snapshot is no system that can be booted
Result<std::string> find_os_init(const std::string& new_root);

// Does not return but with an error: then the machine is between two roots, and must be ended.
Error switch_root(const std::string& new_root, const std::string& init);

}  // namespace granary
