// WorkerProcess: a worker as its supervisor sees it: a child process, and a channel to it. Goes with its owner's
// patience: whoever lets go of it has waited for it, or kills it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "fs/fuse/worker_channel.h"

namespace granary {

class WorkerProcess {
 public:
  WorkerProcess() = default;
  // One that another supervisor has started, whose child it is ours now.
  WorkerProcess(pid_t pid, WorkerChannel channel) : pid_(pid), channel_(std::move(channel)) {}
  WorkerProcess(WorkerProcess&& other) noexcept
      : version(std::move(other.version)), pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)) {}
  WorkerProcess& operator=(WorkerProcess&& other) noexcept;
  ~WorkerProcess() { kill(); }

  // Executes `program` (a descriptor) as a worker. `words` follow in its command line, for whoever lists processes.
  static Result<WorkerProcess> start(int program, const std::vector<std::string>& words);

  bool is_alive() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  const WorkerChannel& channel() const { return channel_; }

  void hang_up() { channel_ = WorkerChannel(); }

  // How it ended, if it has: its status as waitpid(2) has it.
  std::optional<int> ended();
  void kill();  // with SIGKILL, and waits

  std::string version;  // as it said when it was prepared

 private:
  pid_t pid_ = -1;
  WorkerChannel channel_;
};

// "signal 11 (Segmentation fault)", "status 30".
std::string describe_end(int status);

// Executes `program` in this process's place, with these words after its name, and with these descriptors left open to
// it. Its name begins with "@" if ours does: so systemd tells the processes that it leaves alone at shutdown, because
// the root file system needs them (systemd's "Storage Daemons for the Root File System"). Returns why not.
Error execute(int program, std::vector<std::string> words, const std::vector<int>& inherited);

}  // namespace granary
