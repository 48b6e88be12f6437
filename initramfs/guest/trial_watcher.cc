#include "initramfs/guest/trial_watcher.h"

#include <sys/reboot.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "fs/base/file.h"
#include "initramfs/console.h"
#include "initramfs/lasting_root.h"
#include "initramfs/paths.h"
#include "initramfs/pin.h"

namespace granary {

Status start_trial_watcher(std::chrono::seconds timeout) {
  const std::string seconds = std::to_string(timeout.count());
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "cannot start the watcher of the update");
  if (child > 0) return Done{};
  ::setsid();
  _exit(enter_root({paths::kLasting, "/bin/granary-init", "watch-trial", seconds}));
}

int watch_trial(const std::vector<std::string>& arguments) {
  constexpr std::chrono::seconds kLook{2};
  const long seconds = arguments.empty() ? 600 : std::strtol(arguments[0].c_str(), nullptr, 10);
  const std::string state = inside_lasting_root(paths::kStateFolder);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kLook);
    const auto pin = load_pin(state);
    if (pin && pin->trial.empty()) return 0;
  }
  say_on_console("FAILED trial: the update has not reached the boot-complete mark in time: rebooting to the old one");
  ::sync();
  ::reboot(RB_AUTOBOOT);
  return 1;
}

}  // namespace granary
