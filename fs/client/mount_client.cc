#include "fs/client/mount_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "fs/base/file.h"
#include "fs/client/control_socket.h"

namespace granary {

namespace {
namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kAnswerTimeout{5000};
constexpr int kMoreQuestions = 2;
constexpr size_t kMaxTableBytes = size_t{64} << 20;
constexpr size_t kMaxStatBytes = 65536;
constexpr size_t kMaxNamedUsers = 5;

bool lies_on(const MountPoint& mount, const std::string& path) {
  return path == mount.path || path.starts_with(mount.path == "/" ? mount.path : mount.path + "/");
}

bool links_into(const MountPoint& mount, const fs::path& link) {
  std::error_code failure;
  const fs::path target = fs::read_symlink(link, failure);
  return !failure && lies_on(mount, target.string());
}

// A process that has one of the mount's files mapped, told by the device number: names may have changed.
bool maps(const MountPoint& mount, const fs::path& process) {
  const auto text = read_file(process / "maps", size_t{64} << 20);
  char device[32];
  std::snprintf(device, sizeof device, " %02x:%02x ", major(mount.device), minor(mount.device));
  return text && text->find(device) != std::string::npos;
}

std::string how_used(const MountPoint& mount, const fs::path& process) {
  if (links_into(mount, process / "cwd")) return "working directory";
  if (links_into(mount, process / "root")) return "root directory";
  if (links_into(mount, process / "exe")) return "program";
  std::error_code failure;
  for (const auto& fd : fs::directory_iterator(process / "fd", failure)) {
    if (links_into(mount, fd.path())) return "open file";
  }
  return maps(mount, process) ? "mapped file" : "";
}

// Calls `visit` with the directory in /proc of every process.
template <class Visit>
void for_each_process(Visit visit) {
  std::error_code failure;
  for (const auto& process : fs::directory_iterator("/proc", failure)) {
    if (process.path().filename().string().find_first_not_of("0123456789") == std::string::npos) visit(process.path());
  }
}

MountUser user(const fs::path& process, std::string uses) {
  auto command = read_file(process / "comm", 4096);
  if (command && !command->empty()) command->pop_back();
  return {static_cast<pid_t>(std::stol(process.filename())), command ? *command : "?", std::move(uses)};
}

// Who else has the mount when it is unmounted here: a process of each mount namespace that was copied from ours.
std::vector<MountUser> users_elsewhere(const MountPoint& mount) {
  std::error_code failure;
  std::set<fs::path> namespaces{fs::read_symlink("/proc/self/ns/mnt", failure)};
  std::vector<MountUser> out;
  for_each_process([&](const fs::path& process) {
    const fs::path name = fs::read_symlink(process / "ns/mnt", failure);
    if (failure || !namespaces.insert(name).second) return;
    const auto table = read_file(process / "mountinfo", kMaxTableBytes);
    if (!table) return;
    const auto mounts = parse_mount_table(*table);
    if (std::any_of(mounts.begin(), mounts.end(), [&](const MountPoint& each) { return each.device == mount.device; }))
      out.push_back(user(process, "mount namespace"));
  });
  return out;
}

std::string describe(const std::vector<MountUser>& users) {
  if (users.empty()) return "; fuser -vm tells root by whom";
  std::string out = ", by";
  for (size_t i = 0; i < users.size() && i < kMaxNamedUsers; ++i) {
    out += str(i > 0 ? ", " : " ", printable(users[i].command), " (process ", users[i].pid, ", ", users[i].uses, ")");
  }
  return users.size() > kMaxNamedUsers ? str(out, " and ", users.size() - kMaxNamedUsers, " more") : out;
}

// What the supervisor says of a mount whose worker says nothing.
std::string supervisor_account(const MountPoint& mount) {
  auto control = ControlClient::connect(mount, ControlListener::Of::kSupervisor);
  if (!control) return "";
  const auto answer = control->ask("status", kAnswerTimeout);
  return answer ? "; its supervisor says: " + *answer : "";
}

// The status of fusermount3 -u.
int run_fusermount(const std::string& path, Unmount how) {
  const pid_t child = ::fork();
  if (child == 0) {
    const UniqueFd nothing(::open("/dev/null", O_RDWR));
    ::dup2(nothing.get(), STDERR_FILENO);
    if (how == Unmount::kLazy) ::execlp("fusermount3", "fusermount3", "-u", "-z", "--", path.c_str(), nullptr);
    ::execlp("fusermount3", "fusermount3", "-u", "--", path.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 1;
  return WEXITSTATUS(status);
}

Status let_go(const MountPoint& mount, Unmount how) {
  const std::string what = "cannot unmount " + printable(mount.path);
  if (::umount2(mount.path.c_str(), how == Unmount::kLazy ? MNT_DETACH : 0) == 0) return Done{};
  const int error_number = errno;
  if (error_number == EBUSY) return Error{Code::kBusy, what + ": in use" + describe(users_of(mount))};
  if (error_number != EPERM || ::geteuid() == 0) return system_error(error_number, what);
  if (run_fusermount(mount.path, how) == 0) return Done{};
  const auto users = users_of(mount);
  if (!users.empty()) return Error{Code::kBusy, what + ": in use" + describe(users)};
  return Error{Code::kPermission, what + ": in use, or mounted by another user"};
}
}  // namespace

Result<MountPoint> find_mount(const std::string& path) {
  const std::string full = TRY(mount_path(path));
  const auto mount = TRY(mounted_at(full));
  if (!mount) return Error{Code::kNotFound, "nothing is mounted on " + printable(full)};
  if (!mount->is_granary())
    return Error{Code::kNotFound, str("not a Granary mount: ", printable(full), " (", mount->type, ")")};
  return *mount;
}

Result<std::string> mount_stat(const MountPoint& mount) {
  auto control = ControlClient::connect(mount);
  if (control) {
    auto answer = control->ask("stat", kAnswerTimeout);
    // Its worker may have died over the question; the next one is asked the same.
    for (int again = 0; again < kMoreQuestions && !answer && answer.error().code == Code::kUnavailable; ++again) {
      control = ControlClient::connect(mount);
      if (!control) return control.error();
      answer = control->ask("stat", kAnswerTimeout);
    }
    if (answer || answer.error().code != Code::kUnavailable) return answer;
    return Error{Code::kUnavailable, answer.error().message + supervisor_account(mount)};
  }
  Bytes value(kMaxStatBytes, '\0');
  const ssize_t n = ::lgetxattr(mount.path.c_str(), "user.granary.stat", value.data(), value.size());
  if (n < 0 && errno == ENOTCONN)
    return Error{Code::kUnavailable,
                 str("the process behind ", printable(mount.path), " is gone; granary umount clears the mount away")};
  if (n < 0) return control.error();
  value.resize(static_cast<size_t>(n));
  return value;
}

std::vector<MountUser> users_of(const MountPoint& mount) {
  std::vector<MountUser> out;
  for_each_process([&](const fs::path& process) {
    if (std::string uses = how_used(mount, process); !uses.empty()) out.push_back(user(process, std::move(uses)));
  });
  return out;
}

Status unmount(const MountPoint& mount, Unmount how, std::chrono::milliseconds timeout) {
  // Asked before: afterwards nobody can tell who it was. The supervisor, which waits for its worker.
  pid_t pid = -1;
  if (const auto control = ControlClient::connect(mount)) pid = control->pid();
  const UniqueFd process(pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1);
  TRY(let_go(mount, how));
  if (!process.valid() || how == Unmount::kLazy) return Done{};
  pollfd ended{process.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(timeout.count())) > 0) return Done{};
  const auto elsewhere = users_elsewhere(mount);
  return Error{Code::kUnavailable,
               str("unmounted ", printable(mount.path), ", but process ", pid, " has not ended",
                   elsewhere.empty() ? "" : ": other mount namespaces have it, too" + describe(elsewhere))};
}

}  // namespace granary
