// ordered_parallel: does pieces of work on several threads, and hands the results over one by one, in order, on the
// calling thread. At most `window` results wait, so that memory stays bounded.
#pragma once

#include <condition_variable>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"

namespace granary {

// `work(i)` for 0 ≤ i < count on `threads` threads; `consume(T&&)` in the order of i, here. The first error of
// `consume` ends it: what is under way is finished, what is not begun is left.
template <class T, class Work, class Consume>
Status ordered_parallel(size_t count, unsigned threads, size_t window, const Work& work, const Consume& consume) {
  struct Shared {
    Mutex mutex;
    std::condition_variable result, room;
    std::map<size_t, T> done GUARDED_BY(mutex);
    size_t next GUARDED_BY(mutex) = 0;      // to be worked on
    size_t consumed GUARDED_BY(mutex) = 0;  // before this
    bool stop GUARDED_BY(mutex) = false;
  } shared;

  const auto worker = [&] {
    for (;;) {
      size_t mine = 0;
      {
        MutexLock lock(shared.mutex);
        while (!shared.stop && shared.next < count && shared.next >= shared.consumed + window) lock.wait(shared.room);
        if (shared.stop || shared.next >= count) return;
        mine = shared.next++;
      }
      T product = work(mine);
      const MutexLock lock(shared.mutex);
      shared.done.emplace(mine, std::move(product));
      if (mine == shared.consumed) shared.result.notify_one();
    }
  };
  std::vector<std::thread> pool;
  for (unsigned i = 0; i < threads; ++i) pool.emplace_back(worker);

  Status outcome = Done{};
  for (size_t i = 0; i < count && outcome; ++i) {
    std::optional<T> product;
    {
      MutexLock lock(shared.mutex);
      while (!shared.done.contains(i)) lock.wait(shared.result);
      product.emplace(std::move(shared.done.at(i)));
      shared.done.erase(i);
      shared.consumed = i + 1;
    }
    shared.room.notify_all();
    outcome = consume(std::move(*product));
  }
  {
    const MutexLock lock(shared.mutex);
    shared.stop = true;
  }
  shared.room.notify_all();
  for (auto& thread : pool) thread.join();
  return outcome;
}

}  // namespace granary
