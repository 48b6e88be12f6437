#include "fs/net/worker_pool.h"

#include <utility>

namespace granary {

WorkerPool::WorkerPool(size_t threads) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

void WorkerPool::post(Priority priority, Job job) {
  const MutexLock lock(mutex_);
  if (stopping_) return;
  queues_[static_cast<size_t>(priority)].push_back(std::move(job));
  changed_.notify_one();
}

void WorkerPool::post_at(Deadline time, Job job) {
  const MutexLock lock(mutex_);
  if (stopping_) return;
  later_.emplace(time, std::move(job));
  changed_.notify_one();
}

void WorkerPool::stop() {
  std::array<std::deque<Job>, kPriorities> dropped;  // destroyed without the lock: a job may own anything
  std::multimap<Deadline, Job> dropped_later;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(queues_);
    dropped_later.swap(later_);
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::work() {
  while (const Job job = next()) job();
}

WorkerPool::Job WorkerPool::next() {
  MutexLock lock(mutex_);
  for (;;) {
    if (stopping_) return {};
    take_in_due();
    for (std::deque<Job>& queue : queues_) {
      if (queue.empty()) continue;
      Job job = std::move(queue.front());
      queue.pop_front();
      return job;
    }
    if (later_.empty()) {
      lock.wait(changed_);
    } else {
      lock.wait_until(changed_, later_.begin()->first);
    }
  }
}

void WorkerPool::take_in_due() {
  const auto now = std::chrono::steady_clock::now();
  while (!later_.empty() && later_.begin()->first <= now) {
    queues_.front().push_back(std::move(later_.begin()->second));
    later_.erase(later_.begin());
    changed_.notify_one();
  }
}

}  // namespace granary
