#include "initramfs/switch_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "fs/base/file.h"
#include "initramfs/mounts.h"

namespace granary {

namespace {
constexpr long kRamfs = 0x858458f6, kTmpfs = 0x01021994;

// Whether `path` can be run in `root`, whose symbolic links lead nowhere else.
bool is_program(const std::string& root, std::string path) {
  for (int links = 0; links < 16; ++links) {
    struct stat status {};
    if (::lstat((root + path).c_str(), &status) != 0) return false;
    if (S_ISREG(status.st_mode)) return (status.st_mode & 0111) != 0;
    if (!S_ISLNK(status.st_mode)) return false;
    char target[4096];
    const ssize_t n = ::readlink((root + path).c_str(), target, sizeof target - 1);
    if (n <= 0) return false;
    const std::string to(target, static_cast<size_t>(n));
    path = to.front() == '/' ? to : str(path.substr(0, path.rfind('/') + 1), to);
  }
  return false;
}

// All of one file system below an open directory; mount points stay. Frees the initramfs's memory.
void delete_below(int directory, dev_t device) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(directory), ::closedir);
  if (entries == nullptr) return;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    struct stat status {};
    if (name == "." || name == "..") continue;
    const int at = ::dirfd(entries.get());
    if (::fstatat(at, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_dev != device) continue;
    if (!S_ISDIR(status.st_mode)) {
      ::unlinkat(at, name.c_str(), 0);
      continue;
    }
    const int inner = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner >= 0) delete_below(inner, device);
    ::unlinkat(at, name.c_str(), AT_REMOVEDIR);
  }
}
}  // namespace

Result<std::string> find_os_init(const std::string& new_root) {
  for (const char* path :
       {"/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd", "/etc/init", "/bin/init"}) {
    // A first component that is a link (/sbin -> usr/sbin) is followed by the kernel, inside the same file system.
    if (is_program(new_root, path)) return std::string(path);
  }
  return Error{Code::kNotFound,
               "the snapshot has no /sbin/init: it is no system that can be booted (cook one with systemd-sysv)"};
}

Error switch_root(const std::string& new_root, const std::string& init) {
  struct statfs root_type {};
  struct stat root {};
  if (::statfs("/", &root_type) != 0 || ::stat("/", &root) != 0) return system_error(errno, "cannot look at /");
  if (root_type.f_type != kRamfs && root_type.f_type != kTmpfs)
    return Error{Code::kInternal, "the root is no initramfs: nothing is deleted"};
  for (const char* where : {"/dev", "/proc", "/sys", "/run"}) TRY(move_mount_to(where, new_root + where));
  UniqueFd old_root = TRY(open_file("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::chdir(new_root.c_str()) != 0) return system_error(errno, "cannot enter " + new_root);
  delete_below(old_root.release(), root.st_dev);
  TRY(move_mount_to(".", "/"));
  if (::chroot(".") != 0 || ::chdir("/") != 0) return system_error(errno, "cannot make the new root the root");
  // Programs of the OS start as after a plain boot: what the kernel gave to us, nothing of our own.
  ::execl(init.c_str(), init.c_str(), nullptr);
  return system_error(errno, "cannot start " + init);
}

}  // namespace granary
