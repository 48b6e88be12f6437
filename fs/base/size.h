// Sizes as people write them.
#pragma once

#include <cstdint>
#include <string_view>

#include "fs/base/result.h"

namespace granary {

// "500M", "20G", "1T", plain bytes; in powers of 1024. kInvalid for anything else, zero included.
Result<uint64_t> parse_size(std::string_view text);

}  // namespace granary
