// SharedUsage: how many bytes a cache directory holds, known to all processes that use it: a small file, read and
// written whole under flock(2). Safe from many threads and processes.
//
// Not a mapped page: touching that on a disk that fails, is full or went read-only kills the process (SIGBUS), and a
// file that is mapped or open for writing keeps its disk from being remounted read-only.
#pragma once

#include <cstdint>

#include "fs/base/result.h"

namespace granary {

class SharedUsage {
 public:
  // The file `usage` in this directory, which outlives us.
  explicit SharedUsage(int directory) : directory_(directory) {}

  struct Numbers {
    uint64_t used_bytes = 0;
    uint64_t removals = 0;  // grows whenever anybody removes objects
    uint64_t counts = 0;    // how often all was counted anew
  };

  // Every call may answer
  //   kCorrupt  lost, damaged, of another version, or from before this boot: count anew (begin_count, finish_count)
  //   kBusy     a process that was stopped keeps it locked
  //   others    what the disk said
  Result<Numbers> read() const;
  // Adds `size_bytes` if the sum stays within `quota_bytes`; else nothing is done.
  struct Reservation {
    bool fits = false;
    Numbers numbers;  // afterwards
  };
  Result<Reservation> reserve(uint64_t size_bytes, uint64_t quota_bytes);
  Result<Numbers> release(uint64_t size_bytes);
  Status count_removal();

  // Around looking at every file. What is reserved meanwhile is added to `counted_bytes`, what is released is not taken
  // off: the result is too much rather than too little. Nothing is done if somebody else counted meanwhile.
  struct Beginning {
    bool was_valid = false;
    Numbers numbers;
  };
  Result<Beginning> begin_count();
  Result<Numbers> finish_count(const Beginning& beginning, uint64_t counted_bytes);

 private:
  const int directory_;
};

}  // namespace granary
