// A process that is remembered in a file: by its number, which is used again by others, and by when it began.
#pragma once

#include <sys/types.h>

#include <string>

#include "fs/base/result.h"

namespace granary {

struct ProcessIdentity {
  pid_t pid = 0;
  std::string began;  // the host's boot and the kernel's tick; empty: none

  static ProcessIdentity of(pid_t pid);
  // Whether this very process is there, and no zombie.
  bool is_alive() const { return pid > 0 && !began.empty() && of(pid).began == began; }
};

}  // namespace granary
