// Eviction: removes objects of a cache, least recently used first, never what is pinned. By whoever has time: the
// tender of a DiskCache, `granary cache clean`.
#pragma once

#include <functional>

#include "fs/store/cache_folder.h"
#include "fs/store/pins.h"

namespace granary {

struct Evicted {
  uint64_t objects = 0;
  uint64_t bytes = 0;
  uint64_t used_bytes = 0;  // now
  uint64_t refused = 0;     // could not be removed: a read-only disk
};

// Until at most `goal_bytes` are used, or nothing is left that may go. Counts anew by the way.
//   kBusy  another process evicts, and is not done within `patience`
// `go_on` is called now and then.
Result<Evicted> evict_down_to(
    CacheFolder& folder, PinnedSet& pinned, uint64_t goal_bytes, std::chrono::milliseconds patience,
    const std::function<bool()>& go_on = [] { return true; });

}  // namespace granary
