// NotingReader: hands on to another reader, and notes what was read through it, in order, each object once.
// Safe from many threads. Borrows the other.
#pragma once

#include <unordered_set>
#include <utility>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/format/object.h"

namespace granary {

class NotingReader : public ObjectReader {
 public:
  struct Noted {
    ObjectId id;
    uint64_t size_bytes;  // of its plain bytes
  };

  explicit NotingReader(ObjectReader& reader) : reader_(reader) {}

  Result<SharedBytes> read(const ObjectId& id) override {
    SharedBytes bytes = TRY(reader_.read(id));
    const MutexLock lock(mutex_);
    if (seen_.insert(id).second) noted_.push_back({id, bytes->size()});
    return bytes;
  }

  // What was read for the first time since the last call.
  std::vector<Noted> take() {
    const MutexLock lock(mutex_);
    return std::exchange(noted_, {});
  }

 private:
  ObjectReader& reader_;
  Mutex mutex_;
  std::unordered_set<ObjectId> seen_ GUARDED_BY(mutex_);
  std::vector<Noted> noted_ GUARDED_BY(mutex_);
};

}  // namespace granary
