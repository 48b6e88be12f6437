// Where what concerns running mounts lies: /run/granary for root, $XDG_RUNTIME_DIR/granary for everybody else, or
// /tmp/granary-UID when there is no such directory. Mode 0700; gone after a reboot.
#pragma once

#include <string>
#include <vector>

#include "fs/client/mount_table.h"

namespace granary {

std::string runtime_directory();
// Makes it. kPermission: it is not ours alone.
Result<std::string> make_runtime_directory();
// Where those of a mount may lie, whoever mounted it: our own directory, its owner's, that of the
// mount program which serves a booted machine's root.
std::vector<std::string> runtime_directories_for(const MountPoint& mount);

}  // namespace granary
