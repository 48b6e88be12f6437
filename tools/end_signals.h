// EndSignals: blocks the signals that end a program, in all threads, until one has come. Made before threads are.
#pragma once

#include <chrono>
#include <csignal>

namespace granary {

class EndSignals {
 public:
  EndSignals() {
    sigemptyset(&ours_);
    sigaddset(&ours_, SIGTERM);
    sigaddset(&ours_, SIGINT);
    sigaddset(&ours_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ours_, &before_);
  }
  ~EndSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  void wait() const {
    int which = 0;
    sigwait(&ours_, &which);
  }
  // Whether one has come, waiting for it that long.
  bool come_within(std::chrono::milliseconds patience) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
    const timespec time{seconds.count(), std::chrono::nanoseconds(patience - seconds).count()};
    return sigtimedwait(&ours_, nullptr, &time) > 0;
  }

 private:
  sigset_t ours_{};
  sigset_t before_{};
};

}  // namespace granary
