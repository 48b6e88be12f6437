// ControlSocket: where a mount answers questions about itself, apart from the path of its data: a unix socket of its
// own, in a directory of mode 0700, served by one thread. The question is one line ("stat"), the answer all bytes to
// the end.
//   /run/granary/0:57.sock            root's mounts, by the device number of the mount
//   $XDG_RUNTIME_DIR/granary/0:57.sock  everybody else's; /tmp/granary-UID when there is no such directory
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fs/base/unique_fd.h"
#include "fs/client/mount_table.h"

namespace granary {

class ControlSocket {
 public:
  // The answer to a question; called on the socket's thread. kInvalid: not a question that it knows.
  using Answer = std::function<Result<std::string>(const std::string& question)>;

  // Listens for a mount on `device`; only the same user and root are answered. Starts a thread.
  static Result<std::unique_ptr<ControlSocket>> listen(dev_t device, Answer answer);
  ~ControlSocket();  // no more answers; the socket is removed
  const std::string& path() const { return path_; }

 private:
  ControlSocket(std::string path, UniqueFd listener, Answer answer);
  void run();
  void serve(int connection) const;

  const std::string path_;
  const UniqueFd listener_;
  const Answer answer_;
  UniqueFd stop_;  // an eventfd
  std::thread thread_;
};

// ControlClient: a connection to the control socket of a mount.
class ControlClient {
 public:
  //   kNotFound    nobody listens: the mount's process is gone, or belongs to somebody else
  //   kPermission  not yours to ask
  static Result<ControlClient> connect(const MountPoint& mount);

  // One question for each connection. kUnavailable: no answer in time; otherwise as the answerer says.
  Result<std::string> ask(const std::string& question, std::chrono::milliseconds timeout);
  // The process behind the mount, from the kernel.
  pid_t pid() const { return pid_; }

 private:
  ControlClient(UniqueFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
  UniqueFd socket_;
  pid_t pid_;
};

}  // namespace granary
