// DirectoryLock: an exclusive advisory lock on a directory itself, let go when this goes. Unlike a lock on a file in
// the directory it is held until the directory has been taken away: nobody else can take what is being removed for
// dead.
#pragma once

#include <string>

#include "fs/base/file.h"

namespace granary {

class DirectoryLock {
 public:
  //   kBusy      somebody else holds it
  //   kNotFound  there is no such directory
  static Result<DirectoryLock> try_lock(const std::string& directory);

 private:
  explicit DirectoryLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace granary
