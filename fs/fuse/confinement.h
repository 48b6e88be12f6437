// Confinement: the rights that are left to whoever looks at a repository's bytes for a mount: those of another user, a
// few directories, a few system calls (fs/fuse/privileges.h, fs/fuse/sandbox.h). There is no way back.
#pragma once

#include "fs/fuse/mount_plan.h"

namespace granary {

struct Confinement {
  std::string user;
  std::vector<std::string> sandbox;  // as enter_sandbox
};

// For this thread and those that it starts, after the cache and the state directory were given to that user. Before a
// byte of the network is looked at, and before there are threads.
//   kInvalid     no such user
//   kPermission  only root can be somebody else; or that user cannot read a file:// repository
Result<Confinement> confine(const MountPlan& plan);

}  // namespace granary
