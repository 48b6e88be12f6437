// QemuProcess: a running QEMU, which ends with us. QemuMonitor: what one says to it (QMP: a JSON document a line over a
// unix socket; QEMU's docs/interop/qmp-spec).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/result.h"
#include "fs/base/unique_fd.h"

namespace granary {

class QemuProcess {
 public:
  enum class Terminal { kOurs, kNone };
  // Works in `folder`. With Terminal::kNone, what it complains of goes to qemu.log there. Ends when this thread does.
  static Result<QemuProcess> start(const std::string& program, const std::vector<std::string>& words,
                                   const std::string& folder, Terminal terminal);
  QemuProcess(QemuProcess&& other) noexcept : pid_(std::exchange(other.pid_, 0)), status_(other.status_) {}
  QemuProcess& operator=(QemuProcess&&) = delete;
  ~QemuProcess();  // ends it

  pid_t pid() const { return pid_; }
  // Its exit status once it has ended, 128 + N when signal N ended it. Does not wait.
  std::optional<int> ended();
  int wait();
  // SIGTERM: it puts the terminal in order and writes its disks. SIGKILL after some seconds.
  void end();

 private:
  explicit QemuProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  std::optional<int> status_;
};

// A connection to a unix socket in `folder`, whose path may be long.
Result<UniqueFd> connect_in(const std::string& folder, const std::string& name);

// "system_powerdown", "quit", "system_reset".   kUnavailable: nobody answers there
Status tell_qemu(const std::string& folder, const std::string& command);

}  // namespace granary
