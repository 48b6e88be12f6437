// What `granary boot --vm NAME` does besides starting: list, stop, console, ssh, reset, remove; and how it tells.
#pragma once

#include <string>
#include <vector>

#include "tools/vm/kept_machine.h"

namespace granary {

struct ActionOptions {
  std::string machine;
  std::string action;
  std::vector<std::string> words;  // of ssh
  std::string user;
  bool json = false;
};
// kInvalid: no such action
Status act(const ActionOptions& options, Io& io);

void tell_booted(const Booted& booted, const MachineRequest& request, bool as_json, Io& io);
Status tell_started(const KeptMachine& machine, bool as_json, Io& io);
// The domain, with the machine's files made.
Status print_for_libvirt(const KeptMachine& machine, Io& io);

}  // namespace granary
