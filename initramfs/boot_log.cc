#include "initramfs/boot_log.h"

#include <fcntl.h>

#include <cstdio>
#include <ctime>

#include "fs/base/file.h"

namespace granary {

double uptime_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void BootLog::done(const std::string& step, const std::string& outcome) {
  char time[32];
  std::snprintf(time, sizeof time, "[%6.2f s] ", uptime_seconds());
  say("granary: " + std::string(time) + step + ": " + outcome);
}

void BootLog::failed(const std::string& step, const std::string& why) { say("granary: FAILED " + step + ": " + why); }

void BootLog::note(const std::string& text) { say("granary: " + text); }

void BootLog::keep_in(const std::string& path) {
  path_ = path;
  (void)replace_file(path, said_, 0644, Durability::kFast);
}

void BootLog::say(const std::string& line) {
  // What comes from outside must not move the cursor of whoever looks at the console.
  const std::string text = printable(line) + "\n";
  (void)write_all(STDOUT_FILENO, text);
  said_ += text;
  if (path_.empty()) return;
  const auto file = open_file(path_, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file) (void)write_all(file->get(), text);
}

}  // namespace granary
