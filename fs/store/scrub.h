// Scrub: reads every object of a cache from the disk again and removes what is damaged, so that it is fetched anew at
// its next use; mounts that have it open let go of it within seconds. Memory: the names of one directory at a time.
#pragma once

#include <functional>
#include <vector>

#include "fs/store/cache_folder.h"

namespace granary {

struct ScrubReport {
  uint64_t objects = 0;  // looked at
  uint64_t bytes = 0;
  uint64_t damaged = 0;         // not what their names say
  uint64_t unreadable = 0;      // the disk did not give them
  uint64_t removed = 0;         // of these: all, but on a disk that refuses
  uint64_t leftovers = 0;       // what is no object, and what killed processes left: removed
  int next_folder = 0;          // 256 when it went to the end
  std::vector<ObjectId> named;  // the first hundred damaged or unreadable
};

// From objects/`first_folder` on. `go_on` is asked after every object.
Result<ScrubReport> scrub(CacheFolder& folder, int first_folder, const std::function<bool(const ScrubReport&)>& go_on);

}  // namespace granary
