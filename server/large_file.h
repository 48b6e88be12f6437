// store_large_file: turns the bytes of one large file into chunk objects of its own and holes.
#pragma once

#include "server/content.h"
#include "server/object_writer.h"

namespace granary {

// FileReader: the bytes of one file, front to back. One thread.
class FileReader {
 public:
  virtual ~FileReader() = default;

  // The next run: bytes, valid until the next call, or a hole of so many zero bytes. Both empty: the end.
  struct Piece {
    ByteView bytes;
    uint64_t hole_bytes = 0;
    bool at_end() const { return bytes.empty() && hole_bytes == 0; }
  };
  virtual Result<Piece> next() = 0;
};

// Shorter runs of zeros are stored as bytes: a hole costs a slice, which is dearer than what they compress to.
inline constexpr uint64_t kMinHoleBytes = 64 << 10;
// Where holes found among zero bytes begin and end.
inline constexpr uint64_t kHoleGrainBytes = 4096;

// Reads `file` to its end and stores it. The digest covers holes as zeros. Safe from many threads, one file each.
Result<Content> store_large_file(FileReader& file, ObjectWriter& writer);

}  // namespace granary
