#include "fs/fuse/log_target.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "fs/base/file.h"
#include "fs/base/log.h"

namespace granary {

namespace {
// The system log takes lines as datagrams; one that would wait is dropped.
Result<UniqueFd> open_syslog() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/dev/log");
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return system_error(errno, "cannot reach the system log at /dev/log");
  return fd;
}
}  // namespace

Result<LogTarget> LogTarget::open(const std::string& wanted, bool foreground, const std::string& state_directory) {
  if (wanted == "stderr" || (wanted.empty() && foreground)) return LogTarget("stderr", UniqueFd());
  if (wanted == "syslog") return LogTarget("syslog", TRY(open_syslog()));
  if (wanted.empty()) {
    if (auto syslog = open_syslog()) return LogTarget("syslog", *std::move(syslog));
    TRY(make_directories(state_directory, 0700));
  }
  const std::string file = wanted.empty() ? state_directory + "/mount.log" : wanted;
  return LogTarget(file, TRY_WITHIN("cannot log", open_file(file, O_WRONLY | O_APPEND | O_CREAT, 0640)));
}

void LogTarget::use() const {
  if (fd_.valid()) log::set_descriptor(fd_.get());
}

}  // namespace granary
