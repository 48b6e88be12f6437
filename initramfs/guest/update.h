// Updates of a running machine: what there is, what the next start takes, and the way back. Nothing changes under the
// running OS: a start tries what was chosen, and the boot-complete mark decides.
#pragma once

#include <string>

#include "fs/base/result.h"
#include "initramfs/machine.h"
#include "initramfs/pin.h"

namespace granary {

struct Offer {
  std::string snapshot, published_at, message, freshness;
  bool is_running = false;  // it is what runs now
};
// The newest of the machine's branch, or what `name` (a branch, a tag, an id or its beginning, main~3) stands for,
// verified as a mount would.   kNotFound, kUnavailable, kUntrusted …
Result<Offer> look_for_update(const StartedMachine& machine, const std::string& name);

// At the next start. The error of a machine that cannot remember it: kUnsupported.
Result<Offer> apply_update(const StartedMachine& machine, const std::string& name);
// What the next start takes.
Result<std::string> roll_back(const StartedMachine& machine);

// What a start would take now.
std::string next_snapshot(const BootPin& pin);

}  // namespace granary
