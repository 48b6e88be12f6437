// IndexText: the plain text of a Packages file, mapped or in memory.
#pragma once

#include <memory>
#include <string>

#include "builder/archive/release.h"

namespace granary {

class IndexText {
 public:
  virtual ~IndexText() = default;
  virtual ByteView view() const = 0;
};

// Decompresses (xz, gzip, zstd, bzip2 or plain, told by the bytes) at most `limit_bytes`.
//   kCorrupt  not such a file, or cut off;  kEndlessData  longer
Result<Bytes> decompress(ByteView stored, uint64_t limit_bytes);

// The plain text of an index as it is stored, which must have the size and digest that the release names for it. In
// `folder`, unless that is empty, plain texts are kept by their digests for the next time, and compared again then.
//   kCorrupt  it is not what the release names;  kNoSpace is no error: then nothing is kept
Result<std::unique_ptr<IndexText>> open_index(ByteView stored, const ReleaseFile& plain, const std::string& folder);

}  // namespace granary
