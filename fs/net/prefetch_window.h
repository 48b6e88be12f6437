// PrefetchWindow: how many prefetches may be on the way at once. Enough to fill the link, few enough that a demand does
// not wait behind them: the time until an answer begins grows with the queue on the way (as in LEDBAT, RFC 6817), so
// the window shrinks by one when it exceeds the least seen lately by more than kMaxQueueing, or by more than that least
// itself, and grows by one for each window's worth of answers that came sooner. Not locked.
#pragma once

#include <algorithm>
#include <chrono>

namespace granary {

class PrefetchWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::microseconds;

  static constexpr Duration kMaxQueueing{25'000};
  static constexpr size_t kInitial = 6;
  static constexpr size_t kLeast = 3;  // some 256 kB on the way: 100 Mbit/s at 20 ms

  explicit PrefetchWindow(size_t most) : least_(std::min(kLeast, most)), most_(most), size_(std::min(kInitial, most)) {}

  size_t size() const { return size_; }

  // An answer began so long after its request, which went over a connection that was there already.
  void answered_after(Duration delay, Time now) {
    if (now - epoch_began_ > kEpoch) {  // what is least now counts for this epoch and the next
      previous_least_ = current_least_;
      current_least_ = Duration::max();
      epoch_began_ = now;
    }
    current_least_ = std::min(current_least_, delay);
    const Duration least = std::min(current_least_, previous_least_);
    if (delay > least + std::max(least, kMaxQueueing)) return shrink(now);
    if (++in_time_ < size_) return;
    in_time_ = 0;
    size_ = std::min(size_ + 1, most_);
  }

 private:
  static constexpr std::chrono::seconds kEpoch{30};
  static constexpr std::chrono::milliseconds kBetweenShrinks{20};  // one queue is noticed by many answers

  void shrink(Time now) {
    in_time_ = 0;
    if (now - shrunk_ < kBetweenShrinks) return;
    shrunk_ = now;
    size_ = std::max(size_ - 1, least_);
  }

  const size_t least_;
  const size_t most_;
  size_t size_;
  size_t in_time_ = 0;  // answers since it last changed
  Duration current_least_ = Duration::max();
  Duration previous_least_ = Duration::max();
  Time epoch_began_;
  Time shrunk_;
};

}  // namespace granary
