#include "fs/fuse/kernel_read_ahead.h"

#include "fs/base/file.h"
#include "fs/base/log.h"

namespace granary {

namespace {
constexpr uint64_t kFewReads = 16;       // say nothing yet
constexpr uint64_t kParkedInReads = 50;  // one parked read in so many: the cache is not warm
}  // namespace

KernelReadAhead::KernelReadAhead(UniqueFd setting, const Observations& observations, Cache cache)
    : setting_(std::move(setting)),
      observations_(observations),
      usual_kib_(cache == Cache::kWarm ? kFarKiB : kNearKiB) {}

void KernelReadAhead::adapt(Profile profile) {
  const MutexLock lock(mutex_);
  const bool nearest = profile == Profile::kReplaying || observations_.touches.progress();
  const unsigned kib = nearest ? kNearestKiB : usual();
  if (kib != current_kib_) set(kib);
}

unsigned KernelReadAhead::usual() {
  const uint64_t reads = observations_.counters.reads.load() - reads_;
  const uint64_t parked = observations_.counters.parked_reads.load() - parked_;
  if (reads < kFewReads) return usual_kib_;
  reads_ += reads;
  parked_ += parked;
  return usual_kib_ = parked * kParkedInReads > reads ? kNearKiB : kFarKiB;
}

void KernelReadAhead::set(unsigned kib) {
  const bool is_set = setting_.valid() && write_all_at(setting_.get(), 0, std::to_string(kib));
  if (!is_set && current_kib_ == 0) log::info("the kernel's read-ahead stays as it is", {});
  current_kib_ = kib;
}

}  // namespace granary
