#include "fs/net/worker_pool.h"

#include <utility>

namespace granary {

namespace {
constexpr std::chrono::seconds kHeldUp{1};
constexpr size_t kMostReliefs = 8;
}  // namespace

WorkerPool::WorkerPool(size_t threads) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  relief_ = std::thread([this, most = threads + kMostReliefs] { relieve(most); });
}

void WorkerPool::post(Priority priority, Job job) {
  const MutexLock lock(mutex_);
  if (stopping_) return;
  queues_[static_cast<size_t>(priority)].push_back(std::move(job));
  changed_.notify_one();
  call_relief();
}

void WorkerPool::post_at(Deadline time, Job job) {
  const MutexLock lock(mutex_);
  if (stopping_) return;
  later_.emplace(time, std::move(job));
  changed_.notify_one();
  call_relief();
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
    all_busy_.notify_all();
  }
  if (relief_.joinable()) relief_.join();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::work() {
  while (const Job job = next()) job();
}

bool WorkerPool::has_work() const {
  for (const std::deque<Job>& queue : queues_) {
    if (!queue.empty()) return true;
  }
  return !later_.empty() && later_.begin()->first <= std::chrono::steady_clock::now();
}

void WorkerPool::relieve(size_t most_threads) {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const bool nothing_waits = idle_ > 0 || (!has_work() && later_.empty());
    if (nothing_waits) {
      relief_rests_ = true;
      lock.wait(all_busy_);
      relief_rests_ = false;
      continue;
    }
    const uint64_t taken_before = taken_;
    const auto until = std::chrono::steady_clock::now() + kHeldUp;
    while (!stopping_ && lock.wait_until(all_busy_, until)) {
    }
    const bool is_held_up = !stopping_ && idle_ == 0 && taken_ == taken_before && has_work();
    if (is_held_up) threads_.emplace_back([this] { work(); });
    if (threads_.size() >= most_threads) return;
  }
}

void WorkerPool::call_relief() {
  if (relief_rests_ && idle_ == 0 && (has_work() || !later_.empty())) all_busy_.notify_one();
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
      ++taken_;
      call_relief();  // this job may be one that waits, and keep the rest from being done
      return job;
    }
    ++idle_;
    if (later_.empty()) {
      lock.wait(changed_);
    } else {
      lock.wait_until(changed_, later_.begin()->first);
    }
    --idle_;
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
