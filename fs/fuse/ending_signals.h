// The signals that end a mount: SIGTERM, SIGINT and SIGHUP.
#pragma once

#include <csignal>

namespace granary {

sigset_t ending_signals();

// Blocks them in this thread and those it starts, or lets them through.
enum class EndingSignals { kBlocked, kLetThrough };
void set_ending_signals(EndingSignals how);

}  // namespace granary
