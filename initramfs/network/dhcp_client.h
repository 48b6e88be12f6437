// DhcpClient: busybox's udhcpc for one link, in the lasting root, where it stays and renews. Its argv[0] begins with
// "@", so that systemd spares it at shutdown. Its process is noted beside its lease.
#pragma once

#include <sys/types.h>

#include <string>

#include "fs/base/result.h"

namespace granary {

class DhcpClient {
 public:
  enum class Version { kDhcp, kDhcp6 };

  // kUnsupported: this busybox has no udhcpc6.   `hostname` is told to the server; may be empty. `root` is kLasting, or
  // empty for who runs with that as its root directory.
  static Result<DhcpClient> start(const std::string& root, const std::string& device, Version version,
                                  const std::string& hostname);

  bool has_ended() const;  // it never ends while all is well
  void stop() const;

  // Has the client for `device`, whoever started it, ask whether its lease still holds. Whether there is one.
  static bool renew(const std::string& root, const std::string& device);

 private:
  explicit DhcpClient(pid_t process) : process_(process) {}
  pid_t process_;
};

}  // namespace granary
