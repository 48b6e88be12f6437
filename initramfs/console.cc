#include "initramfs/console.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "fs/base/file.h"
#include "initramfs/drivers.h"
#include "initramfs/mounts.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
constexpr size_t kMaxListBytes = 4 << 20;

std::vector<std::string> lines_of(const Bytes& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Loads those that this machine needs, each after what it needs itself.
class Loader {
 public:
  Loader(std::string folder, std::vector<Driver> drivers)
      : folder_(std::move(folder)), drivers_(std::move(drivers)), machine_(machine_aliases()) {}

  // A bus's driver finds devices whose drivers came too early: once more, then.
  void load_needed() {
    for (size_t before = SIZE_MAX; before != loaded_;) {
      before = loaded_;
      for (const Driver& driver : drivers_) {
        if (!tried_.contains(driver.file) && is_needed(driver, machine_)) load(driver);
      }
    }
  }

  std::string told() const { return str(loaded_, " of ", drivers_.size(), " loaded", refused_); }

 private:
  void load(const Driver& driver) {
    if (!tried_.insert(driver.file).second) return;
    for (const std::string& needed : driver.needs) {
      const auto found =
          std::find_if(drivers_.begin(), drivers_.end(), [&](const Driver& d) { return d.file == needed; });
      if (found != drivers_.end()) load(*found);
    }
    const auto file = open_file(folder_ + "/" + driver.file, O_RDONLY | O_CLOEXEC);
    if (!file) return refuse(driver.file, "it is missing");
    // There already, or a driver without its device: no error.
    const bool loaded = ::syscall(SYS_finit_module, file->get(), "", 0) == 0;
    if (!loaded && errno != EEXIST && errno != ENODEV) return refuse(driver.file, ::strerror(errno));
    loaded_ += loaded;
    machine_ = machine_aliases();
  }

  void refuse(const std::string& file, const std::string& why) {
    refused_ += (refused_.empty() ? "; refused: " : ", ") + file + " (" + why + ")";
  }

  const std::string folder_;
  const std::vector<Driver> drivers_;
  std::vector<std::string> machine_;
  std::set<std::string> tried_;
  size_t loaded_ = 0;
  std::string refused_;
};

Result<std::vector<Driver>> drivers_in(const std::string& folder, const std::string& kernel) {
  const auto modules = read_file(folder + "/granary.modules", kMaxListBytes);
  if (modules) return parse_drivers(*modules);
  const auto order = read_file(folder + "/granary.order", kMaxListBytes);
  if (order) return parse_driver_order(*order);
  return Error{Code::kInvalid,
               str("the image has no drivers for this kernel, ", kernel, ": start it with its own kernel")};
}
}  // namespace

Result<std::string> open_console() {
  constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  TRY(mount_at({"proc", "/proc", "proc", kPlain, ""}));
  TRY(mount_at({"sysfs", "/sys", "sysfs", kPlain, ""}));
  // The kernel may have mounted it by itself.
  if (!is_mount_point("/dev")) TRY(mount_at({"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755"}));
  TRY(mount_at({"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"}));
  const UniqueFd console = TRY(open_file("/dev/console", O_RDWR | O_NOCTTY));
  for (int fd = 0; fd <= 2; ++fd) ::dup2(console.get(), fd);
  utsname system{};
  ::uname(&system);
  const ImageVersion version = image_version();
  return str("Granary ", version.granary, ", Linux ", system.release);
}

void say_on_console(const std::string& line) {
  const auto console = open_file("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
  if (console) (void)write_all(console->get(), "granary: " + line + "\n");
}

Result<std::string> load_modules(const std::string& folder) {
  utsname system{};
  ::uname(&system);
  const std::string ours = str(folder, "/", system.release);
  if (!exists(folder) || !exists("/proc/modules")) return std::string("none: all that is needed is in the kernel");
  Loader loader(ours, TRY(drivers_in(ours, system.release)));
  loader.load_needed();
  return loader.told();
}

Result<std::string> await_entropy() {
  constexpr int kPolls = 100;
  for (int poll = 0; poll < kPolls; ++poll) {
    char byte = 0;
    if (::getrandom(&byte, 1, GRND_NONBLOCK) == 1) return std::string("the kernel's random numbers are good");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return Error{Code::kUnavailable,
               "the kernel has no good random numbers after 5 s; give the machine a virtio-rng device"};
}

ImageVersion image_version() {
  const auto text = read_file(paths::kImageVersion, kMaxListBytes);
  const auto lines = text ? lines_of(*text) : std::vector<std::string>();
  return {!lines.empty() ? lines[0] : "of unknown version", lines.size() > 1 ? lines[1] : ""};
}

}  // namespace granary
