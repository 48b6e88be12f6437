// Mutex and MutexLock: std::mutex with the annotations by which clang (-Wthread-safety)
// proves that what a mutex guards is only touched under it.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define GRANARY_ANNOTATE(x) __attribute__((x))
#else
#define GRANARY_ANNOTATE(x)
#endif
#define CAPABILITY(x) GRANARY_ANNOTATE(capability(x))
#define SCOPED_CAPABILITY GRANARY_ANNOTATE(scoped_lockable)
#define GUARDED_BY(x) GRANARY_ANNOTATE(guarded_by(x))
#define REQUIRES(...) GRANARY_ANNOTATE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) GRANARY_ANNOTATE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) GRANARY_ANNOTATE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) GRANARY_ANNOTATE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS GRANARY_ANNOTATE(no_thread_safety_analysis)

namespace granary {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds a Mutex for a scope. `wait` gives it up while it waits on a condition.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() RELEASE() {}

  void wait(std::condition_variable& condition) { condition.wait(lock_); }
  // False when `deadline` passed first.
  template <class TimePoint>
  bool wait_until(std::condition_variable& condition, TimePoint deadline) {
    return condition.wait_until(lock_, deadline) == std::cv_status::no_timeout;
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace granary
