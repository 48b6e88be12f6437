// DiskWatch: how long operations on a disk have been under way, so that one that does not answer (a frozen file system,
// a network disk whose server is gone) is left alone by all but the first few who asked. Safe from many threads.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/unique_fd.h"

namespace granary {

class DiskWatch {
 public:
  // A disk hangs once an operation takes longer than `patience`, until that one ends.
  explicit DiskWatch(std::chrono::milliseconds patience) : patience_(patience) {}

  // An operation, under way until this goes.
  class Operation {
   public:
    explicit Operation(std::atomic<int64_t>* slot) : slot_(slot) {}
    Operation(Operation&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}
    Operation& operator=(Operation&&) = delete;
    ~Operation() {
      if (slot_ != nullptr) slot_->store(0, std::memory_order_release);
    }

   private:
    std::atomic<int64_t>* slot_;
  };

  // Nothing while the disk hangs: do without it.
  std::optional<Operation> begin();
  bool hangs() const;

  // Closing a descriptor may hang too: kept until `close_buried`, which is for a thread that nobody waits for.
  void bury(UniqueFd fd);
  void close_buried();

 private:
  const std::chrono::milliseconds patience_;
  std::array<std::atomic<int64_t>, 128> started_ns_{};  // 0: free; more operations than that go unwatched
  Mutex mutex_;
  std::vector<UniqueFd> buried_ GUARDED_BY(mutex_);
};

}  // namespace granary
