// Whose rights a worker has. Root's mounts open what needs root first; then the worker becomes somebody else, before a
// byte of the network is looked at, and there is no way back. Before any thread is started.
#pragma once

#include <sys/types.h>

#include <string>

#include "fs/base/result.h"

namespace granary {

struct WorkerUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

// As root: `wanted`, or if that is empty, the user "granary" if there is one, else root. Everybody else: themselves.
//   kInvalid     no such user
//   kPermission  only root can be somebody else
Result<WorkerUser> worker_user(const std::string& wanted);

// Makes the directory if it is missing; as root, gives one that is root's to the user, with all that is in it. Symbolic
// links are not followed. A directory of somebody else stays as it is.
Status give_directory(const std::string& path, const WorkerUser& user);

// Becomes the user, in no group but the user's own. No capability is left, also when the user is root.
Status become(const WorkerUser& user);

}  // namespace granary
