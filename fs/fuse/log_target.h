// LogTarget: where a mount's log lines go. Never to something that could make the writer wait.
#pragma once

#include <string>

#include "fs/base/result.h"
#include "fs/base/unique_fd.h"

namespace granary {

class LogTarget {
 public:
  // `wanted`: "stderr", "syslog", a file to append to; empty: standard error in the foreground, else the system log, or
  // where there is none, mount.log in the state directory. Lines go there from `use` on.
  static Result<LogTarget> open(const std::string& wanted, bool foreground, const std::string& state_directory);
  void use() const;
  const std::string& name() const { return name_; }

 private:
  LogTarget(std::string name, UniqueFd fd) : name_(std::move(name)), fd_(std::move(fd)) {}
  std::string name_;
  UniqueFd fd_;  // none: standard error
};

}  // namespace granary
