#include "initramfs/guest/boot_complete.h"

#include <fcntl.h>

#include <cstdio>

#include "fs/base/file.h"
#include "initramfs/boot_log.h"
#include "initramfs/guest/in_flight.h"
#include "initramfs/guest/pin_lock.h"
#include "initramfs/machine.h"
#include "initramfs/os_files.h"
#include "initramfs/paths.h"
#include "initramfs/pin.h"
#include "initramfs/processes.h"

namespace granary {

namespace {
void announce(const std::string& line) {
  for (const std::string& path : {std::string("/dev/console"), std::string(paths::kBootFolder) + "/boot.log"}) {
    const auto file = open_file(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
    if (file) (void)write_all(file->get(), line);
  }
}

// What its last killing spree leaves alone: without the mount program nobody could read what ends the machine.
void spare_ours_from_sysvinit() {
  std::string pids;
  for (const pid_t pid : processes_called([](const std::string& word) { return word.starts_with("@"); }))
    pids += std::to_string(pid) + "\n";
  if (!exists("/etc/inittab") || !make_directories("/run/sendsigs.omit.d")) return;
  (void)replace_file("/run/sendsigs.omit.d/granary", pids, 0644, Durability::kFast);
}
// A start that was recorded is a start all the same.
void end_recording() {
  const std::string path = std::string(paths::kBootFolder) + "/boot.trace";
  const Status kept = stop_recording(path);
  announce(kept ? "granary: what this start touched is in " + path + "\n"
                : "granary: FAILED recording: " + kept.error().message + "\n");
}
}  // namespace

Status reach_boot_complete() {
  const StartedMachine machine = TRY(load_machine());
  bool updated = false;
  {
    const PinLock lock = TRY(PinLock::take());
    BootPin pin = TRY(load_pin(paths::kStateFolder));
    updated = note_complete(pin, machine.snapshot);
    if (updated) TRY(store_pin(paths::kStateFolder, pin));
  }
  spare_ours_from_sysvinit();
  if (!machine.persistent) keep_host_keys("", paths::kStateFolder);
  if (machine.recording) end_recording();
  if (updated) announce("granary: the update is now what this machine boots\n");
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.2f", uptime_seconds());
  announce(str("granary: boot complete snapshot=", machine.snapshot, " seconds=", seconds, "\n"));
  return Done{};
}

}  // namespace granary
