// EndSignals: blocks the signals that end a program, in all threads, until one has come. Made before threads are.
#pragma once

#include <csignal>

namespace granary {

class EndSignals {
 public:
  EndSignals() {
    sigemptyset(&ours_);
    sigaddset(&ours_, SIGTERM);
    sigaddset(&ours_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ours_, &before_);
  }
  ~EndSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  void wait() const {
    int which = 0;
    sigwait(&ours_, &which);
  }

 private:
  sigset_t ours_{};
  sigset_t before_{};
};

}  // namespace granary
