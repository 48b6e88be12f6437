// PrefetchWindow: how many bytes of prefetches may be on the way at once. Enough to fill the link, few enough that a
// demand hardly waits behind them: the time until an answer begins grows with the queue on the way (as in LEDBAT, RFC
// 6817), so the window shrinks by an eighth when that time is twice the least seen lately (and kMaxQueueing more), and
// grows with every answer that came sooner. So a demand waits for about a round trip more, at most. Not locked.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace granary {

class PrefetchWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::microseconds;

  static constexpr Duration kMaxQueueing{10'000};
  static constexpr uint64_t kInitialBytes = 512 << 10;
  static constexpr uint64_t kLeastBytes = 256 << 10;  // 100 Mbit/s at 20 ms
  static constexpr uint64_t kMostBytes = 64 << 20;

  // True while another one may join those that are on the way.
  bool has_room(size_t on_the_way) const { return on_the_way == 0 || (on_the_way + 1) * usual_bytes_ <= bytes_; }
  uint64_t size_bytes() const { return bytes_; }

  // An answer of so many bytes began so long after its request, which went over a connection that was there already.
  void answered(Duration delay, uint64_t answer_bytes, Time now) {
    usual_bytes_ = (7 * usual_bytes_ + answer_bytes) / 8;
    if (now - epoch_began_ > kEpoch) {  // what is least now counts for this epoch and the next
      previous_least_ = current_least_;
      current_least_ = Duration::max();
      epoch_began_ = now;
    }
    current_least_ = std::min(current_least_, delay);
    const Duration least = std::min(current_least_, previous_least_);
    if (delay <= least + std::max(least, kMaxQueueing)) {
      bytes_ = std::min(bytes_ + answer_bytes / 2, kMostBytes);
    } else if (now - shrunk_ > delay) {  // what is on the way already tells of the same queue
      shrunk_ = now;
      bytes_ = std::max(bytes_ - bytes_ / 8, kLeastBytes);
    }
  }

 private:
  static constexpr std::chrono::seconds kEpoch{30};

  uint64_t bytes_ = kInitialBytes;
  uint64_t usual_bytes_ = 64 << 10;  // of an answer, lately
  Duration current_least_ = Duration::max();
  Duration previous_least_ = Duration::max();
  Time epoch_began_;
  Time shrunk_;
};

}  // namespace granary
