// for_each_parallel: the same work on many things, on several threads, in no order. The first error ends it.
#pragma once

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"

namespace granary {

inline unsigned cores_or(unsigned jobs) {
  if (jobs != 0) return jobs;
  const unsigned cores = std::thread::hardware_concurrency();
  return cores != 0 ? cores : 1;
}

// `work(i)` for 0 ≤ i < count: a Status.
template <class Work>
Status for_each_parallel(size_t count, unsigned threads, const Work& work) {
  struct Shared {
    std::atomic<size_t> next{0};
    Mutex mutex;
    std::optional<Error> failure GUARDED_BY(mutex);
  } shared;
  const auto worker = [&] {
    for (size_t i = shared.next++; i < count; i = shared.next++) {
      const Status done = work(i);
      if (done) continue;
      const MutexLock lock(shared.mutex);
      if (!shared.failure) shared.failure = done.error();
      shared.next = count;
    }
  };
  std::vector<std::thread> pool;
  for (size_t i = 1; i < std::min<size_t>(threads, count); ++i) pool.emplace_back(worker);
  worker();
  for (auto& thread : pool) thread.join();
  const MutexLock lock(shared.mutex);
  return shared.failure ? Status(*shared.failure) : Status(Done{});
}

}  // namespace granary
