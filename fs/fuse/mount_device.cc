#include "fs/fuse/mount_device.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/fuse/lowlevel.h"

namespace granary {

namespace {
std::string escaped_for_option(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string kernel_options(const MountOptions& options, const std::string& source) {
  std::string out = "ro,default_permissions,subtype=granary,fsname=" + escaped_for_option(source);
  if (options.allow_other) out += ",allow_other";
  out += options.suid ? ",suid" : ",nosuid";
  out += options.dev ? ",dev" : ",nodev";
  if (!options.exec) out += ",noexec";
  return out;
}

Status check_fuse() {
  const UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device.valid()) return Done{};
  const int error_number = errno;
  const bool is_missing = error_number == ENOENT || error_number == ENODEV || error_number == ENXIO;
  return Error{Code::kNoFuse,
               str("cannot open /dev/fuse: ", std::generic_category().message(error_number), "; ",
                   is_missing ? "load the module (modprobe fuse), or give the container that device"
                              : "its mode must let you read and write (usually 666), and a container must permit it")};
}

// Runs fusermount3; true when it went well.
bool run_fusermount(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  std::string program = "fusermount3";
  argv.push_back(program.data());
  std::vector<std::string> copy = arguments;
  for (std::string& argument : copy) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execvp(program.c_str(), argv.data());
    ::_exit(127);
  }
  int how = 0;
  return child > 0 && ::waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

bool detach_path(const std::string& path) {
  if (::umount2(path.c_str(), MNT_DETACH) == 0) return true;
  return errno == EPERM && run_fusermount({"-u", "-z", "-q", "--", path});
}

// What libfuse and fusermount3 complain about while mounting becomes our one line.
class CapturedStderr {
 public:
  CapturedStderr()
      : captured_(::memfd_create("stderr", MFD_CLOEXEC)), saved_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    if (captured_.valid() && saved_.valid()) ::dup2(captured_.get(), STDERR_FILENO);
  }
  ~CapturedStderr() { restore(); }

  std::string restore() {
    if (!saved_.valid()) return {};
    ::dup2(saved_.get(), STDERR_FILENO);
    saved_.reset();
    const auto text = read_at(captured_.get(), 0, 4096);
    std::string line = text ? *text : "";
    while (!line.empty() && line.back() == '\n') line.pop_back();
    for (char& c : line) {
      if (c == '\n') c = ' ';
    }
    return line;
  }

 private:
  UniqueFd captured_;
  UniqueFd saved_;
};

// fusermount3 mounts for users.
Error refused(const std::string& path, const std::string& said) {
  const bool no_helper = said.find("exec") != std::string::npos;
  const bool powerless = said.find("Operation not permitted") != std::string::npos && ::geteuid() != 0;
  return {no_helper ? Code::kNoFuse : Code::kPermission,
          str("cannot mount on ", printable(path), ": ", said.empty() ? "FUSE refused" : printable(said),
              no_helper ? "; users need fusermount3 (package fuse3)" : "",
              powerless ? "; fusermount3 has to be setuid root, and containers must permit mounting" : "")};
}
}  // namespace

Result<std::string> prepare_mount_point(const std::string& path) {
  TRY(check_fuse());
  const std::string full = TRY_WITHIN("cannot mount", mount_path(path));
  while (const auto mount = TRY(mounted_at(full))) {
    struct statvfs info {};
    const bool dead = mount->is_granary() && ::statvfs(full.c_str(), &info) != 0 && errno == ENOTCONN;
    if (!dead)
      return Error{Code::kBusy, str("cannot mount on ", printable(full), ": ", printable(mount->source),
                                    " is mounted there; unmount it first (granary umount ", printable(full), ")")};
    log::warn("dead mount cleared away", {{"path", full}});
    if (!detach_path(full)) return Error{Code::kPermission, "cannot clear away the dead mount on " + printable(full)};
  }
  struct stat info {};
  if (::stat(full.c_str(), &info) != 0) return system_error(errno, "cannot mount on " + printable(full));
  if (!S_ISDIR(info.st_mode)) return Error{Code::kInvalid, "cannot mount on " + printable(full) + ": not a directory"};
  return full;
}

Result<MountedDevice> mount_device(const MountOptions& options, const std::string& source, const std::string& path) {
  const std::string list = kernel_options(options, source);
  std::string words[] = {"granary-mount", "-o", list};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  fuse_args args = FUSE_ARGS_INIT(3, argv);
  CapturedStderr captured;
  const fuse_lowlevel_ops nothing{};
  // Only mounts: sessions that answer are the workers'.
  fuse_session* const session = fuse_session_new(&args, &nothing, sizeof nothing, nullptr);
  fuse_opt_free_args(&args);
  const bool mounted = session != nullptr && fuse_session_mount(session, path.c_str()) == 0;
  UniqueFd device(mounted ? ::fcntl(fuse_session_fd(session), F_DUPFD_CLOEXEC, 3) : -1);
  if (session != nullptr) fuse_session_destroy(session);
  const std::string said = captured.restore();
  if (!device.valid()) return refused(path, said);
  if (!said.empty()) log::warn("mounting", {{"said", said}});
  const auto mount = TRY(mounted_at(path));
  if (!mount) return Error{Code::kInternal, "the mount vanished: " + printable(path)};
  return MountedDevice{std::move(device), *mount};
}

void detach(const MountPoint& mount) {
  const auto now = mounted_at(mount.path);
  if (now && *now && (*now)->device == mount.device) detach_path(mount.path);
}

namespace {
// Of a sysfs that is mounted nowhere: a root directory of our own may have none.
UniqueFd open_in_sysfs(const std::string& path) {
  const UniqueFd context(::fsopen("sysfs", FSOPEN_CLOEXEC));
  if (!context.valid() || ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return UniqueFd();
  const UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  return UniqueFd(::openat(mount.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
}
}  // namespace

UniqueFd open_read_ahead_setting(dev_t device) {
  const std::string path = str("class/bdi/", major(device), ":", minor(device), "/read_ahead_kb");
  UniqueFd setting(::open(("/sys/" + path).c_str(), O_WRONLY | O_CLOEXEC));
  return setting.valid() ? std::move(setting) : open_in_sysfs(path);
}

}  // namespace granary
