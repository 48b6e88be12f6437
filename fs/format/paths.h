// Paths as documents write them: absolute, in shortest form. Inside, they are relative to the root, without leading
// slash;
// "" is the root. Pure functions.
#pragma once

#include "fs/base/bytes.h"

namespace granary {

// "/usr/local" as "usr/local", "/" as "". kInvalid for a path that is not absolute, has an empty, "." or ".." component
// or a NUL, ends in a slash, or is longer than 4096 bytes.
Result<Bytes> parse_absolute_path(ByteView path);

// True when `path` is `top` or lies below it.
bool path_covers(ByteView top, ByteView path);

}  // namespace granary
