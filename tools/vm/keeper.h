// The keeper: the process in the background that a running KeptMachine consists of, besides QEMU.
#pragma once

#include "tools/vm/kept_machine.h"

namespace granary {

// Never returns. Says on `ready` "ok" once QEMU runs, else what is wrong: a number, a space, the message; closes it.
[[noreturn]] void keep_machine(const KeptMachine& machine, int ready);

}  // namespace granary
