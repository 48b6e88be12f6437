#include "fs/client/runtime_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "fs/base/file.h"

namespace granary {

namespace {
// The root directory of the mount program that serves the root of a booted machine (docs/booting.md).
constexpr const char* kBootRoot = "/run/initramfs";

// Ours alone, or refused: in /tmp somebody else may have been there first.
Status make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return Done{};
  if (errno != EEXIST) return system_error(errno, "cannot make " + path);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return system_error(errno, "cannot use " + path);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
    return Error{Code::kPermission, path + " is not a directory that only we may use: remove it"};
  return Done{};
}
}  // namespace

std::string runtime_directory() {
  if (::geteuid() == 0) return "/run/granary";
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return std::string(runtime) + "/granary";
  return str("/tmp/granary-", ::geteuid());
}

std::vector<std::string> runtime_directories_for(const MountPoint& mount) {
  std::vector<std::string> out{runtime_directory(), "/run/granary", str(kBootRoot, "/run/granary")};
  const std::string key = "user_id=";
  const size_t at = mount.super_options.find(key);
  if (at == std::string::npos) return out;
  const unsigned long uid = std::strtoul(mount.super_options.c_str() + at + key.size(), nullptr, 10);
  out.push_back(str("/run/user/", uid, "/granary"));
  out.push_back(str("/tmp/granary-", uid));
  return out;
}

Result<std::string> make_runtime_directory() {
  const std::string directory = runtime_directory();
  TRY(make_directories(parent_of(directory)));  // a root directory of our own may have nothing in it
  TRY(make_private_directory(directory));
  return directory;
}

}  // namespace granary
