// Figures for people.
#pragma once

#include <cstdint>
#include <string>

#include "fs/base/result.h"

namespace granary {

std::string human_bytes(uint64_t bytes);  // "8.6 MB"
std::string human_count(uint64_t count);  // "48,501"
// "512M", "20G", "4096": kInvalid for anything else.
Result<uint64_t> parse_size(const std::string& text);

}  // namespace granary
