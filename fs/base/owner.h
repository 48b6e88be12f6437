// Acting as the owner of a directory: root's commands share caches and memories with the workers of root's mounts,
// which are another user (fs/fuse/privileges.h). What a command writes there has to be theirs.
#pragma once

#include <sys/types.h>

#include <string>

#include "fs/base/result.h"

namespace granary {

// As root: from now on the whole process touches files as the owner of `directory`. Nothing happens for everybody else,
// or if there is no such directory, or it is root's.
Status act_as_owner_of(const std::string& directory);

// The same for this thread alone, as long as this lives.
class ActingAsOwner {
 public:
  explicit ActingAsOwner(const std::string& directory);
  ~ActingAsOwner();
  ActingAsOwner(const ActingAsOwner&) = delete;
  ActingAsOwner& operator=(const ActingAsOwner&) = delete;

 private:
  bool is_acting_ = false;
  uid_t user_ = 0;
  gid_t group_ = 0;
};

}  // namespace granary
