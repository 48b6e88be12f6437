// Waiting: tests wait for what other threads do, with a limit that only a failure meets.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"

namespace granary {

// Collects the results of callbacks.
template <class T>
class Mailbox {
 public:
  void deliver(Result<T> result) {
    const MutexLock lock(mutex_);
    results_.push_back(std::move(result));
    arrived_.notify_all();
  }
  // False when fewer have come in ten seconds.
  bool wait_for(size_t count) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    MutexLock lock(mutex_);
    while (results_.size() < count) {
      if (!lock.wait_until(arrived_, limit)) return results_.size() >= count;
    }
    return true;
  }
  size_t count() {
    const MutexLock lock(mutex_);
    return results_.size();
  }
  Result<T> take(size_t index) {
    const MutexLock lock(mutex_);
    return results_.at(index);
  }

 private:
  Mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Result<T>> results_ GUARDED_BY(mutex_);
};

// False when it did not come true in ten seconds.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

}  // namespace granary
