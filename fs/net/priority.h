// Priority and Deadline: how urgent work on the network is, and when it is too late.
#pragma once

#include <chrono>
#include <cstddef>

namespace granary {

// The most urgent first. Demand: somebody waits for it. Prefetch: somebody may want it soon; never in demand's way.
// Background: nobody wants it yet; only what neither of the others has a use for.
enum class Priority { kDemand, kPrefetch, kBackground };
inline constexpr size_t kPriorities = 3;

constexpr bool is_more_urgent(Priority a, Priority b) { return a < b; }

using Deadline = std::chrono::steady_clock::time_point;

// What this thread's waiting reads (Fetcher::open, read) count as: demands, unless a ScopedPriority says otherwise. For
// threads that look ahead, whose own look-ups must not be in demand's way either.
class ScopedPriority {
 public:
  explicit ScopedPriority(Priority priority) : before_(current()) { current() = priority; }
  ~ScopedPriority() { current() = before_; }
  ScopedPriority(const ScopedPriority&) = delete;
  ScopedPriority& operator=(const ScopedPriority&) = delete;

  static Priority of_this_thread() { return current(); }

 private:
  static Priority& current() {
    thread_local Priority priority = Priority::kDemand;
    return priority;
  }
  const Priority before_;
};

}  // namespace granary
