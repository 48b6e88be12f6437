#include "fs/fuse/ending_signals.h"

#include <initializer_list>

namespace granary {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

void set_ending_signals(EndingSignals how) {
  const sigset_t set = ending_signals();
  pthread_sigmask(how == EndingSignals::kBlocked ? SIG_BLOCK : SIG_UNBLOCK, &set, nullptr);
}

}  // namespace granary
