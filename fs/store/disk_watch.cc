#include "fs/store/disk_watch.h"

namespace granary {

namespace {
int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
}  // namespace

std::optional<DiskWatch::Operation> DiskWatch::begin() {
  if (hangs()) return std::nullopt;
  const int64_t now = now_ns();
  static std::atomic<size_t> threads{0};
  thread_local const size_t first = threads++;  // so that threads seldom meet
  for (size_t i = 0; i < started_ns_.size(); ++i) {
    std::atomic<int64_t>& slot = started_ns_[(first + i) % started_ns_.size()];
    int64_t is_free = 0;
    if (slot.compare_exchange_strong(is_free, now, std::memory_order_acq_rel)) return Operation(&slot);
  }
  return Operation(nullptr);
}

bool DiskWatch::hangs() const {
  const int64_t too_early = now_ns() - std::chrono::nanoseconds(patience_).count();
  for (const std::atomic<int64_t>& slot : started_ns_) {
    const int64_t started = slot.load(std::memory_order_acquire);
    if (started != 0 && started < too_early) return true;
  }
  return false;
}

void DiskWatch::bury(UniqueFd fd) {
  const MutexLock lock(mutex_);
  buried_.push_back(std::move(fd));
}

void DiskWatch::close_buried() {
  std::vector<UniqueFd> gone;
  const MutexLock lock(mutex_);
  gone.swap(buried_);
}

}  // namespace granary
