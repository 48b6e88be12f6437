#include "initramfs/processes.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "fs/base/file.h"
#include "initramfs/folder.h"

namespace granary {

namespace {
std::string first_word_of(pid_t pid) {
  const auto line = read_file(str("/proc/", pid, "/cmdline"), 64 << 10);
  return line ? line->substr(0, line->find('\0')) : std::string();
}
}  // namespace

std::vector<pid_t> processes_called(const std::function<bool(const std::string&)>& fits) {
  std::vector<pid_t> found;
  for (const std::string& name : names_in("/proc")) {
    const pid_t pid = static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10));
    if (pid > 1 && pid != ::getpid() && fits(first_word_of(pid))) found.push_back(pid);
  }
  return found;
}

}  // namespace granary
