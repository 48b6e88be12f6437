// LogTarget: where a mount's log lines go: standard error, the journal, the system log or a file. From `use` on a
// thread of its own writes them (LogQueue), so that no reader waits for a disk that is full or hangs.
#pragma once

#include <memory>
#include <string>

#include "fs/base/log_file.h"
#include "fs/base/log_queue.h"

namespace granary {

class LogTarget {
 public:
  struct Options {
    log::Format format = log::Format::kLogfmt;  // of a file and of standard error
    log::Rotation rotation;                     // of a file
  };
  // `wanted`: "stderr", "journal" or "syslog" (also "journal:SOCKET", "syslog:SOCKET"), a file to append to; empty:
  // standard error in the foreground, else the journal or the system log, or where there is neither, mount.log in the
  // state directory. Starts no thread. Opening does not wait, whatever the file is.
  static Result<LogTarget> open(const std::string& wanted, bool foreground, const std::string& state_directory,
                                const Options& options);
  static Result<LogTarget> open(const std::string& wanted, bool foreground, const std::string& state_directory) {
    return open(wanted, foreground, state_directory, {});
  }

  // Lines go there from now on, until this goes; then what is queued gets a second. Starts a thread: after the last
  // fork.
  void use() const;
  // Whether `wanted` names a file.
  static bool is_file(const std::string& wanted);
  const std::string& name() const { return name_; }
  // Of what has been logged since `use`; nullptr before.
  const log::LogQueue* queue() const { return state_->queue.get(); }

 private:
  LogTarget(std::string name, std::unique_ptr<log::LogOutput> output)
      : name_(std::move(name)), state_(std::make_unique<State>()) {
    state_->output = std::move(output);
  }
  struct State {
    ~State();
    std::unique_ptr<log::LogOutput> output;  // until `use`
    std::unique_ptr<log::LogQueue> queue;
  };
  std::string name_;
  std::unique_ptr<State> state_;
};

}  // namespace granary
