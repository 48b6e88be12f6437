// WorkerPool: a few threads that run jobs: the most urgent first, and others when their time has come.
// Safe from many threads, its own included. A job may take a while, but never waits for another job. When all threads
// have been held up for a second (by a disk that hangs), another one is started for what waits, eight at most.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/net/priority.h"

namespace granary {

class WorkerPool {
 public:
  using Job = std::function<void()>;

  explicit WorkerPool(size_t threads);
  ~WorkerPool() { stop(); }

  void post(Priority priority, Job job);
  void post_at(Deadline time, Job job);

  // Waits for the jobs that run; drops all others, and whatever is posted later. Not from a job.
  void stop();

 private:
  void work();
  void relieve(size_t most_threads);
  bool has_work() const REQUIRES(mutex_);
  // Wakes who starts more threads, should all be busy while something waits.
  void call_relief() REQUIRES(mutex_);
  // The next job, or an empty one when the pool stops.
  Job next();
  void take_in_due() REQUIRES(mutex_);

  Mutex mutex_;
  std::condition_variable changed_;
  std::array<std::deque<Job>, kPriorities> queues_ GUARDED_BY(mutex_);
  std::multimap<Deadline, Job> later_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::condition_variable all_busy_;
  size_t idle_ GUARDED_BY(mutex_) = 0;
  bool relief_rests_ GUARDED_BY(mutex_) = false;
  uint64_t taken_ GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> threads_;  // grows by `relief_` alone, under the lock
  std::thread relief_;
};

}  // namespace granary
