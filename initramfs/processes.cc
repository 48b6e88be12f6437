#include "initramfs/processes.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "fs/base/file.h"

namespace granary {

namespace {
std::string first_word_of(pid_t pid) {
  const auto line = read_file(str("/proc/", pid, "/cmdline"), 64 << 10);
  return line ? line->substr(0, line->find('\0')) : std::string();
}
}  // namespace

std::vector<pid_t> processes_called(const std::function<bool(const std::string&)>& fits) {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir("/proc"), ::closedir);
  while (entries != nullptr) {
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    const pid_t pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid > 1 && pid != ::getpid() && fits(first_word_of(pid))) found.push_back(pid);
  }
  return found;
}

}  // namespace granary
