// Activity: what each thread is in the middle of, innermost last, for whoever looks for what hangs (Watchdog). Where a
// thread may wait for a disk, a network or the kernel, it says so:
//   const ScopedActivity activity("cache read", 0, id);
// Costs a few nanoseconds and takes no lock; looking takes none either. What goes deeper than kDepth, and threads
// beyond kThreads, are left out.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <vector>

#include "fs/base/digest.h"

namespace granary {

class ScopedActivity {
 public:
  static constexpr size_t kDepth = 4;
  static constexpr size_t kThreads = 512;
  using Time = std::chrono::steady_clock::time_point;

  // `what`: a string constant. `number`: such as an inode; 0: nothing to say.
  explicit ScopedActivity(const char* what, uint64_t number = 0, const Digest& object = {},
                          Time since = std::chrono::steady_clock::now());
  ~ScopedActivity();
  ScopedActivity(const ScopedActivity&) = delete;
  ScopedActivity& operator=(const ScopedActivity&) = delete;
};

struct Activity {
  const char* what = "";
  uint64_t number = 0;
  Digest object;  // none: nothing to say
  ScopedActivity::Time since;
};

struct BusyThread {
  pid_t thread = 0;
  std::vector<Activity> activities;  // outermost first; at least one
};

// All threads that are in the middle of something.
std::vector<BusyThread> busy_threads();

pid_t this_thread();

// The object that something asked for by this thread waits for; `take` forgets it. None: nothing waits.
void note_waited_for(const Digest& object);
Digest take_waited_for();

}  // namespace granary
