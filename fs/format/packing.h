// How publishers pack, as far as it helps a reader to know: correctness never rests on it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace granary {

// Files of at least this size are cut by content into objects of their own; smaller ones share packs.
inline constexpr uint64_t kLargeFileBytes = 128 << 10;
inline constexpr size_t kPackBytes = 256 << 10;

}  // namespace granary
