// Histogram: how long things took, in buckets that double: up to 1 µs, 2 µs, 4 µs … 134 s, and beyond. Two relaxed
// additions an observation; safe from many threads. A reader may see an observation in one number and not yet in the
// other.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

namespace granary {

class Histogram {
 public:
  static constexpr size_t kBounds = 28;  // the last bucket has none

  struct Snapshot {
    std::array<uint64_t, kBounds + 1> buckets{};  // each alone, not summed up
    double sum_seconds = 0;

    uint64_t count() const {
      uint64_t all = 0;
      for (const uint64_t each : buckets) all += each;
      return all;
    }
    // The upper bound of the bucket in which the share `quantile` (0 … 1) of all observations ends; 0 without any.
    double quantile_seconds(double quantile) const {
      const uint64_t all = count();
      if (all == 0) return 0;
      const double wanted = quantile * static_cast<double>(all);
      double seen = 0;
      for (size_t i = 0; i < kBounds; ++i) {
        seen += static_cast<double>(buckets[i]);
        if (seen >= wanted) return bound_seconds(i);
      }
      return bound_seconds(kBounds - 1);
    }
  };

  static constexpr double bound_seconds(size_t bucket) { return static_cast<double>(uint64_t{1} << bucket) * 1e-6; }

  void observe(std::chrono::nanoseconds took) {
    const auto nanoseconds = static_cast<uint64_t>(std::max<int64_t>(0, took.count()));
    const uint64_t micros = (nanoseconds + 999) / 1000;
    const auto bucket = static_cast<size_t>(micros <= 1 ? 0 : std::bit_width(micros - 1));
    buckets_[std::min(bucket, kBounds)].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(nanoseconds, std::memory_order_relaxed);
  }

  Snapshot snapshot() const {
    Snapshot out;
    for (size_t i = 0; i < buckets_.size(); ++i) out.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
    out.sum_seconds = static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9;
    return out;
  }

 private:
  std::array<std::atomic<uint64_t>, kBounds + 1> buckets_{};
  std::atomic<uint64_t> sum_ns_{0};
};

}  // namespace granary
