// ObjectWriter: takes plain objects, encodes them on all cores and stores them. What it returned an id for
// can be read back at once; it is durable and has its final name only after the staging it writes to was committed.
// Safe from many threads at once.
#pragma once

#include "fs/format/object.h"

namespace granary {

class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;

  // Stores `plain` (at most kMaxObjectBytes) in the background; storing it twice is a cheap success.
  // A failure of the store is reported by the next call or by `flush`.
  virtual Result<ObjectId> write(Bytes plain) = 0;
  // Everything written so far is stored, or the first failure.
  virtual Status flush() = 0;
};

}  // namespace granary
