#include "initramfs/shutdown.h"

#include <fcntl.h>
#include <linux/reboot.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <thread>

#include "fs/base/file.h"
#include "initramfs/boot_log.h"
#include "initramfs/lasting_root.h"
#include "initramfs/mounts.h"
#include "initramfs/paths.h"
#include "initramfs/processes.h"

namespace granary {

namespace {
using std::chrono::milliseconds;
constexpr milliseconds kPatience{10000}, kPoll{50};
constexpr const char* kOldRoot = "/oldroot";
constexpr const char* kHere = "/scratch";  // where scratch is moved to, in the lasting root

bool wait_until(milliseconds patience, const std::function<bool()>& done) {
  for (milliseconds waited{0}; waited < patience; waited += kPoll) {
    if (done()) return true;
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    std::this_thread::sleep_for(kPoll);
  }
  return done();
}

bool is_ours(const std::string& word) { return word.starts_with("@"); }
bool is_mount_program(const std::string& word) { return word.starts_with("@granary-mount"); }

// Asked, then made to.
void end_processes(const std::function<bool(const std::string&)>& fits) {
  for (const int signal : {SIGTERM, SIGKILL}) {
    for (const pid_t pid : processes_called(fits)) ::kill(pid, signal);
    if (wait_until(milliseconds(3000), [&] { return processes_called(fits).empty(); })) return;
  }
}

[[noreturn]] void end_with(const std::string& verb) {
  ::sync();
  const int command = verb == "poweroff" ? LINUX_REBOOT_CMD_POWER_OFF
                      : verb == "halt"   ? LINUX_REBOOT_CMD_HALT
                      : verb == "kexec"  ? LINUX_REBOOT_CMD_KEXEC
                                         : LINUX_REBOOT_CMD_RESTART;
  ::syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command, nullptr);
  // A kexec without a loaded kernel: at least start again.
  ::syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, nullptr);
  for (;;) ::pause();
}

// Deepest and latest first. What is busy is detached: it goes when its last user does.
void unmount_below(const std::string& root) {
  std::vector<MountedAt> mounts = mounted_now();
  std::reverse(mounts.begin(), mounts.end());
  for (const MountedAt& mount : mounts) {
    if (!mount.where.starts_with(root + "/")) continue;
    if (!unmount(mount.where)) (void)unmount(mount.where, MNT_DETACH);
  }
}

class Unravelling {
 public:
  void run() {
    open_console();
    const std::string old = kOldRoot + std::string(paths::kLasting);
    const bool has_scratch = is_mount_point(old + "/scratch");
    if (has_scratch) tell("scratch is moved", move_mount_to(old + "/scratch", kHere));
    unmount_below(kOldRoot);
    const Status root = unmount(kOldRoot);
    tell("the overlay is unmounted", root ? root : unmount(kOldRoot, MNT_DETACH));
    // Its last user gone, the tree's file system ends, and with it the mount program.
    const bool ended = wait_until(kPatience, [] { return processes_called(is_mount_program).empty(); });
    log_.done("shutdown", ended ? "the mount program has ended" : "the mount program is ended");
    end_processes(is_ours);
    if (has_scratch) leave_scratch_clean();
  }

 private:
  // /proc and /dev of the OS are gone with it, or about to go.
  void open_console() {
    if (!exists("/proc/self")) (void)mount_at({"proc", "/proc", "proc", 0, ""});
    if (!exists("/dev/console")) (void)mount_at({"devtmpfs", "/dev", "devtmpfs", 0, ""});
    const auto console = open_file("/dev/console", O_RDWR | O_NOCTTY);
    for (int fd = 0; console && fd <= 2; ++fd) ::dup2(console->get(), fd);
  }

  void leave_scratch_clean() {
    Status left = Done{};
    const bool gone = wait_until(kPatience, [&] { return bool(left = unmount(kHere)); });
    // Still in use by somebody who cannot be ended: clean all the same, once it is read-only.
    if (!gone && ::mount("none", kHere, nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0) left = Done{};
    tell("scratch is clean", left);
  }

  void tell(const char* what, const Status& status) {
    if (status)
      log_.done("shutdown", what);
    else
      log_.failed("shutdown", status.error().message);
  }

  BootLog log_;
};
}  // namespace

int run_shutdown(const std::vector<std::string>& arguments) {
  if (::getpid() != 1) return 2;
  Unravelling().run();
  end_with(arguments.empty() ? "reboot" : arguments.front());
}

int end_sysvinit(const std::vector<std::string>& arguments) {
  BootLog log;
  ::sync();
  if (::mount("none", "/", nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0)
    log.failed("shutdown", "the root stays writable");
  end_processes(is_ours);
  const bool clean = wait_until(kPatience, [] {
    return ::mount("none", paths::kScratch, nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0 || errno == EINVAL;
  });
  if (clean)
    log.done("shutdown", "scratch is clean");
  else
    log.failed("shutdown", "scratch is in use; its journal makes it whole at the next start");
  end_with(arguments.empty() ? "reboot" : arguments.front());
}

}  // namespace granary
