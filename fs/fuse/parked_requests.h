// ParkedRequests: the requests of the kernel that wait for bytes, none of them with a thread. Each is answered once: by
// whoever claims its ticket first, the bytes' arrival or the reader's interruption.
// Safe from many threads.
#pragma once

#include <unordered_map>

#include "fs/base/mutex.h"
#include "fs/fuse/lowlevel.h"

namespace granary {

class ParkedRequests {
 public:
  using Ticket = uintptr_t;

  Ticket park(fuse_req_t request) {
    const MutexLock lock(mutex_);
    requests_.emplace(++last_, request);
    return last_;
  }

  // True for the one who is to answer.
  bool claim(Ticket ticket) {
    const MutexLock lock(mutex_);
    const bool first = requests_.erase(ticket) == 1;
    if (first && requests_.empty()) empty_.notify_all();
    return first;
  }

  size_t count() const {
    const MutexLock lock(mutex_);
    return requests_.size();
  }

  // False when `deadline` passed before all were answered.
  template <class TimePoint>
  bool wait_until_empty(TimePoint deadline) {
    MutexLock lock(mutex_);
    while (!requests_.empty()) {
      if (!lock.wait_until(empty_, deadline)) return requests_.empty();
    }
    return true;
  }

 private:
  mutable Mutex mutex_;
  std::condition_variable empty_;
  std::unordered_map<Ticket, fuse_req_t> requests_ GUARDED_BY(mutex_);
  Ticket last_ GUARDED_BY(mutex_) = 0;
};

}  // namespace granary
