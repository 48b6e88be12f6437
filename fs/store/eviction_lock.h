// The lock under which objects are evicted and pins written (a cache's `lock` file), waited for no longer than it is
// worth: whoever holds it may have been stopped.
#pragma once

#include <chrono>

#include "fs/base/file.h"

namespace granary {

// kBusy when it was not free in time.
Result<FileLock> wait_for_eviction_lock(const std::string& path, std::chrono::milliseconds patience);

}  // namespace granary
