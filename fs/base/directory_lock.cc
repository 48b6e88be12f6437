#include "fs/base/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>

namespace granary {

Result<DirectoryLock> DirectoryLock::try_lock(const std::string& directory) {
  UniqueFd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return DirectoryLock(std::move(fd));
  if (errno == EWOULDBLOCK) return Error{Code::kBusy, printable(directory) + " is locked by another process"};
  return system_error(errno, "cannot lock " + printable(directory));
}

}  // namespace granary
