#include "initramfs/console.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "fs/base/file.h"
#include "initramfs/mounts.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
constexpr size_t kMaxListBytes = 64 << 10;

std::vector<std::string> lines_of(const Bytes& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// 0, or the kernel's reason.
int load_module(const std::string& path) {
  const auto file = open_file(path, O_RDONLY | O_CLOEXEC);
  if (!file) return ENOENT;
  if (::syscall(SYS_finit_module, file->get(), "", 0) == 0) return 0;
  // There already, or a driver without its device.
  return errno == EEXIST || errno == ENODEV ? 0 : errno;
}
}  // namespace

Result<std::string> open_console() {
  constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  TRY(mount_at({"proc", "/proc", "proc", kPlain, ""}));
  TRY(mount_at({"sysfs", "/sys", "sysfs", kPlain, ""}));
  // The kernel may have mounted it by itself.
  if (!is_mounted("/dev")) TRY(mount_at({"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755"}));
  TRY(mount_at({"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"}));
  const UniqueFd console = TRY(open_file("/dev/console", O_RDWR | O_NOCTTY));
  for (int fd = 0; fd <= 2; ++fd) ::dup2(console.get(), fd);
  utsname system{};
  ::uname(&system);
  const ImageVersion version = image_version();
  return str("Granary ", version.granary, ", Linux ", system.release);
}

Result<std::string> load_modules(const std::string& folder) {
  utsname system{};
  ::uname(&system);
  const std::string ours = str(folder, "/", system.release);
  if (!exists(folder)) return std::string("none: all that is needed is in the kernel");
  const auto order = read_file(ours + "/granary.order", kMaxListBytes);
  if (!order)
    return Error{Code::kInvalid,
                 str("the image has no drivers for this kernel, ", system.release, ": start it with its own kernel")};
  size_t loaded = 0;
  std::string refused;
  for (const std::string& name : lines_of(*order)) {
    const int reason = load_module(ours + "/" + name);
    loaded += reason == 0;
    if (reason != 0) refused += (refused.empty() ? "; refused: " : ", ") + name + " (" + ::strerror(reason) + ")";
  }
  return str(loaded, " loaded", refused);
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
