// OperationMetrics: how often the kernel asked for what, how long it waited, and with which errors it was answered.
// A hit was answered by the thread that took the request; a miss had to wait for an object. Safe from many threads.
#pragma once

#include <array>
#include <atomic>

#include "fs/base/histogram.h"

namespace granary {

enum class Operation : uint8_t {
  kLookup,
  kGetattr,
  kReadlink,
  kOpen,
  kOpendir,
  kRead,
  kReaddir,
  kReaddirplus,
  kStatfs,
  kGetxattr,
  kListxattr,
  kLseek,
  kOther,
};
inline constexpr size_t kOperations = static_cast<size_t>(Operation::kOther) + 1;
const char* name_of(Operation operation);

class OperationMetrics {
 public:
  static constexpr int kErrnos = 160;  // larger ones are counted as the last

  // `result`: what was answered: a number of bytes, or a negative errno.
  enum class Wait : uint8_t { kHit, kMiss };
  void answered(Operation operation, Wait wait, std::chrono::nanoseconds took, int64_t result) {
    durations_[static_cast<size_t>(operation)][static_cast<size_t>(wait)].observe(took);
    if (result < 0) errors_[static_cast<size_t>(std::min<int64_t>(-result, kErrnos - 1))].fetch_add(1, kRelaxed);
  }

  Histogram::Snapshot durations(Operation operation, Wait wait) const {
    return durations_[static_cast<size_t>(operation)][static_cast<size_t>(wait)].snapshot();
  }
  // Answers with this errno, other than ENOSYS and ENODATA, which tell only that there is nothing.
  uint64_t errors(int error_number) const { return errors_[static_cast<size_t>(error_number)].load(kRelaxed); }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;
  std::array<std::array<Histogram, 2>, kOperations> durations_;
  std::array<std::atomic<uint64_t>, kErrnos> errors_{};
};

}  // namespace granary
