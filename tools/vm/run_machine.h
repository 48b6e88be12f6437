// Runs a machine in the foreground, with all that belongs to it; nothing is left when it returns.
#pragma once

#include <chrono>

#include "tools/vm/boot_watch.h"
#include "tools/vm/machine_request.h"

namespace granary {

// Until the machine ends, at our terminal. Its exit status is no error: QEMU has told what it had to tell.
Status run_at_terminal(const MachineRequest& request, Io& io);

struct UntilComplete {
  std::chrono::seconds timeout{600};
  std::string console_file;  // what the console said goes there, too
  bool quiet = false;        // else it goes to io.err
};
struct Booted {
  BootComplete complete;
  double seconds = 0;  // since QEMU was started
  bool kvm = false;
  HttpServer::Counters served;  // of a repository that is a directory
};

// Until it says that it is complete; then it is ended: a disk that the user named by the power button, to be clean.
//   kUnavailable  it was not complete in time, or QEMU ended: with the last lines of the console
Result<Booted> run_until_complete(const MachineRequest& request, const UntilComplete& how, Io& io);

// Why a machine is not complete, with what its console said last.
Error not_complete(const std::string& why, const BootWatch& watch);

}  // namespace granary
