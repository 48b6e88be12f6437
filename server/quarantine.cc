#include "server/quarantine.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "fs/base/crash_point.h"
#include "fs/base/file.h"

namespace granary {

std::string Quarantine::path_of(const ObjectId& id) const {
  const std::string hex = id.hex();
  return directory() + "/" + hex.substr(0, 2) + "/" + hex.substr(2);
}

Status Quarantine::set_aside(const ObjectId& id) {
  const std::string from = repository_ + "/" + object_path(id);
  const std::string to = path_of(id);
  TRY(make_directories(to.substr(0, to.rfind('/')), 0700));
  // The time first: killed in between, the object only looks younger than it is.
  if (::utimensat(AT_FDCWD, from.c_str(), nullptr, 0) != 0)
    return system_error(errno, "cannot touch " + printable(from));
  crash_point("gc-before-rename");
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error(errno, "cannot set aside " + printable(from));
  crash_point("gc-after-rename");
  return Done{};
}

Result<bool> Quarantine::restore(const ObjectId& id) {
  const std::string from = path_of(id);
  const std::string to = repository_ + "/" + object_path(id);
  struct stat info {};
  if (::stat(from.c_str(), &info) != 0) {
    if (errno == ENOENT) return false;
    return system_error(errno, "cannot look for " + printable(from));
  }
  TRY(make_directories(to.substr(0, to.rfind('/'))));
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error(errno, "cannot take back " + printable(from));
  return true;
}

}  // namespace granary
