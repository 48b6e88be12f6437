// TouchRecorder: what the users of a mount touch, in order of first touch: directories in which a name is looked up or
// which are listed, and ranges of files. It reveals what was read: so it takes in nothing unless somebody has started
// it, and while it is off a touch costs one relaxed load. Bounded: beyond kMaxTouches it says so and takes in no more.
// Safe from many threads.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/time.h"
#include "fs/format/node.h"

namespace granary {

// Runs of bytes that do not overlap nor touch: where each begins → where it ends.
using ByteRanges = std::map<uint64_t, uint64_t>;

struct Touched {
  InodeNumber inode = 0;
  bool is_directory = false;
  ByteRanges ranges;  // of a file; in whole kGranuleBytes, so that the last may reach beyond its end
};

class TouchRecorder {
 public:
  static constexpr size_t kMaxTouches = 100'000;  // directories, files, and each further range of a file
  static constexpr uint64_t kGranuleBytes = 16384;

  struct Recording {
    UnixSeconds started_at = 0;
    std::vector<Touched> touched;  // in order of first touch
    bool truncated = false;
  };
  struct Progress {
    UnixSeconds started_at = 0;
    uint64_t directories = 0;
    uint64_t files = 0;
    uint64_t bytes = 0;
    bool truncated = false;
  };

  //   kBusy  a recording runs already
  Status start(UnixSeconds now);
  //   kNotFound  none runs
  Result<Recording> stop();
  // Nothing while none runs.
  std::optional<Progress> progress() const;

  void directory(InodeNumber inode) {
    if (recording_.load(std::memory_order_relaxed)) take_in_directory(inode);
  }
  void file(InodeNumber inode, uint64_t offset_bytes, uint64_t length_bytes) {
    if (recording_.load(std::memory_order_relaxed)) take_in_range(inode, offset_bytes, length_bytes);
  }

 private:
  void take_in_directory(InodeNumber inode);
  void take_in_range(InodeNumber inode, uint64_t offset_bytes, uint64_t length_bytes);
  bool take_one() REQUIRES(mutex_);

  std::atomic<bool> recording_{false};
  mutable Mutex mutex_;
  Recording current_ GUARDED_BY(mutex_);
  std::unordered_map<InodeNumber, size_t> places_ GUARDED_BY(mutex_);  // in current_.touched
  size_t taken_ GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace granary
