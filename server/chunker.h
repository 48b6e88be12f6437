// next_cut: cuts a large file where its content says so, so that bytes inserted or removed move the cuts around them
// and leave all others where they were. Pure; the cuts are a promise to nobody, but the same bytes always give the
// same cuts, and changing them makes every publisher store its large files anew.
#pragma once

#include <cstddef>

#include "fs/base/bytes.h"

namespace granary {

inline constexpr size_t kMinChunkBytes = size_t{64} << 10;
inline constexpr size_t kAverageChunkBytes = size_t{256} << 10;
inline constexpr size_t kMaxChunkBytes = size_t{1} << 20;

// The length of the first chunk of `bytes`, which are the next bytes of a file: all that are left of it, or at least
// kMaxChunkBytes. Never 0 unless there are none.
size_t next_cut(ByteView bytes);

}  // namespace granary
