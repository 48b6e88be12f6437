// User data may come gzipped; it is foreign, and may be a bomb.
#pragma once

#include "fs/base/bytes.h"

namespace granary {

bool is_gzip(ByteView bytes);

//   kCorrupt      no gzip, or cut short
//   kEndlessData  it would be longer than `limit_bytes`
Result<Bytes> gunzip(ByteView bytes, size_t limit_bytes);

}  // namespace granary
