#include "fs/base/owner.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "fs/base/file.h"

namespace granary {

namespace {
// Root may have given that up.
bool may_be_somebody_else() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  return ::geteuid() == 0 && ::syscall(SYS_capget, &header, sets) == 0 && (sets[0].effective & (1U << CAP_SETUID)) != 0;
}

// Nothing when there is nobody else to be.
std::optional<struct stat> other_owner(const std::string& directory) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0 || info.st_uid == 0 || !may_be_somebody_else()) return std::nullopt;
  return info;
}
}  // namespace

Status act_as_owner_of(const std::string& directory) {
  const auto owner = other_owner(directory);
  if (!owner) return Done{};
  if (::setegid(owner->st_gid) != 0 || ::seteuid(owner->st_uid) != 0)
    return system_error(errno, "cannot act as the owner of " + directory);
  return Done{};
}

ActingAsOwner::ActingAsOwner(const std::string& directory) {
  const auto owner = other_owner(directory);
  if (!owner) return;
  is_acting_ = true;
  group_ = static_cast<gid_t>(::setfsgid(owner->st_gid));
  user_ = static_cast<uid_t>(::setfsuid(owner->st_uid));
}

ActingAsOwner::~ActingAsOwner() {
  if (!is_acting_) return;
  ::setfsuid(user_);
  ::setfsgid(group_);
}

}  // namespace granary
