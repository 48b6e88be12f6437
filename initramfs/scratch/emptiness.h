// Whether nothing was ever written: what is not certainly empty is not empty.
#pragma once

#include <cstdint>

#include "fs/base/result.h"

namespace granary {

// Zeros in the first and the last 4 MiB of [start, start + size), where every file system and partition table says that
// it is there, and in a thousand samples between.
Result<bool> is_empty(int fd, uint64_t start_bytes, uint64_t size_bytes);

}  // namespace granary
