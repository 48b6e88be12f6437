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
  // The same with more effort to make it small, where the encoding knows more: for what somebody will wait for.
  virtual Result<ObjectId> write_densely(Bytes plain) { return write(std::move(plain)); }
  // Everything written so far is stored, or the first failure.
  virtual Status flush() = 0;
};

// DenseWriter: writes everything densely. Borrows the writer.
class DenseWriter : public ObjectWriter {
 public:
  explicit DenseWriter(ObjectWriter& writer) : writer_(writer) {}
  Result<ObjectId> write(Bytes plain) override { return writer_.write_densely(std::move(plain)); }
  Status flush() override { return writer_.flush(); }

 private:
  ObjectWriter& writer_;
};

}  // namespace granary
