#include "fs/fuse/privileges.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr const char* kUsualUser = "granary";

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::optional<WorkerUser> find_user(const std::string& name) {
  const passwd* const found = ::getpwnam(name.c_str());
  if (found == nullptr) return std::nullopt;
  return WorkerUser{found->pw_uid, found->pw_gid, name};
}

std::string name_of(uid_t uid) {
  const passwd* const found = ::getpwuid(uid);
  return found == nullptr ? std::to_string(uid) : found->pw_name;
}

// Gives away what is root's below a directory, the directory itself last: whoever is interrupted begins anew.
Status give_tree(UniqueFd directory, const WorkerUser& user) {
  const int fd = directory.get();
  const std::unique_ptr<DIR, CloseDirectory> entries(::fdopendir(::fcntl(fd, F_DUPFD_CLOEXEC, 3)));
  if (entries == nullptr) return system_error(errno, "cannot list it");
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    struct stat info {};
    if (name == "." || name == ".." || ::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (info.st_uid != 0) continue;
    if (S_ISDIR(info.st_mode)) {
      UniqueFd below(::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!below.valid()) return system_error(errno, "cannot open " + printable(name));
      TRY(give_tree(std::move(below), user));
    } else if (info.st_nlink == 1 && ::fchownat(fd, name.c_str(), user.uid, user.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return system_error(errno, "cannot give away " + printable(name));
    }
  }
  if (::fchown(fd, user.uid, user.gid) != 0) return system_error(errno, "cannot give it away");
  return Done{};
}

// Only root can; the others have none to win.
void drop_bounding() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

Status drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capset, &header, none) != 0) return system_error(errno, "cannot give up capabilities");
  return Done{};
}
}  // namespace

Result<WorkerUser> worker_user(const std::string& wanted) {
  const WorkerUser self{::geteuid(), ::getegid(), name_of(::geteuid())};
  if (self.uid != 0) {
    if (wanted.empty() || wanted == self.name) return self;
    return Error{Code::kPermission, "only root can run the worker as " + printable(wanted)};
  }
  const auto user = find_user(wanted.empty() ? kUsualUser : wanted);
  if (user) return *user;
  if (wanted.empty()) return self;
  return Error{Code::kInvalid, "there is no user " + printable(wanted) + " to run the worker as"};
}

Status give_directory(const std::string& path, const WorkerUser& user) {
  // What cannot be made is told by whoever needs it.
  const bool is_root = ::geteuid() == 0;
  const size_t slash = path.rfind('/');
  if (!exists(path) && slash != std::string::npos && slash > 0 &&
      make_directories(path.substr(0, slash), is_root ? 0755 : 0700))
    ::mkdir(path.c_str(), 0700);
  if (!is_root || user.uid == 0 || !exists(path)) return Done{};
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (!directory.valid() || ::fstat(directory.get(), &info) != 0) return system_error(errno, "cannot use " + path);
  if (info.st_uid != 0) return Done{};
  TRY_WITHIN(str("cannot give ", path, " to ", user.name), give_tree(std::move(directory), user));
  return Done{};
}

Status become(const WorkerUser& user) {
  const std::string what = "cannot become user " + user.name;
  drop_bounding();
  if (::geteuid() == 0 && user.uid != 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
        ::setresuid(user.uid, user.uid, user.uid) != 0)
      return system_error(errno, what);
  }
  TRY_WITHIN(what, drop_capabilities());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error(errno, what);
  return Done{};
}

}  // namespace granary
