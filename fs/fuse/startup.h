// Startup: how a daemon begins. The process that the user started stays until its child says that the mount answers, or
// why it does not, and ends with the status that this deserves.
#pragma once

#include "fs/base/unique_fd.h"

namespace granary {

// Lets go of the terminal, with a session of its own, and of the directory it was started in. Once the mount answers.
void leave_terminal();

class Startup {
 public:
  // Forks; returns in the child only. Fork before any thread is started.
  static Startup as_daemon();
  static Startup in_foreground() { return {}; }

  // The mount answers: lets the parent end with 0, and lets go of the terminal.
  void ready();
  // The parent ends with this status; the message has been printed.
  void failed(int exit_status);

 private:
  UniqueFd to_parent_;
};

}  // namespace granary
