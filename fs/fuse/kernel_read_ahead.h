// KernelReadAhead: how far the kernel reads ahead in this mount's files, by its device's setting
// (/sys/class/bdi/MAJOR:MINOR/read_ahead_kb, opened by the supervisor; only root may: otherwise it stays at 128 KiB).
// Far while what is read is at hand: a large request costs less. Near while reads wait for the network: a page fault
// then brings what it needs, and ReadAhead, which knows what is near in the snapshot, looks ahead instead. Nearest
// while a recording runs, which is to show what the workload touches, not what the kernel does, and while a profile is
// replayed, so that no more is needed than was recorded. A file keeps the setting it was opened under. Safe from two
// threads at once. Borrows the observations.
#pragma once

#include "fs/base/mutex.h"
#include "fs/base/unique_fd.h"
#include "fs/client/mounted_snapshot.h"

namespace granary {

class KernelReadAhead {
 public:
  static constexpr unsigned kFarKiB = 1024;
  static constexpr unsigned kNearKiB = 128;
  static constexpr unsigned kNearestKiB = 16;

  enum class Cache { kWarm, kCold };
  // `setting`: the file, invalid where we may not. `cache`: what the mount's catalog was found in. Sets nothing yet.
  KernelReadAhead(UniqueFd setting, const Observations& observations, Cache cache);

  // To be called now and then, and when a recording begins or ends.
  enum class Profile { kNone, kReplaying };
  void adapt(Profile profile);

 private:
  unsigned usual() REQUIRES(mutex_);
  void set(unsigned kib) REQUIRES(mutex_);

  const UniqueFd setting_;
  const Observations& observations_;
  Mutex mutex_;
  unsigned usual_kib_ GUARDED_BY(mutex_);  // while nothing is recorded
  unsigned current_kib_ GUARDED_BY(mutex_) = 0;
  uint64_t reads_ GUARDED_BY(mutex_) = 0;  // these two: when last looked at
  uint64_t parked_ GUARDED_BY(mutex_) = 0;
};

}  // namespace granary
