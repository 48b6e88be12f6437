// MemoryObjects: plain objects in memory, an ObjectWriter and ObjectReader without files or threads behind it.
#pragma once

#include <map>

#include "fs/base/mutex.h"
#include "server/object_writer.h"

namespace granary {

class MemoryObjects : public ObjectWriter, public ObjectReader {
 public:
  Result<ObjectId> write(Bytes plain) override {
    const MutexLock lock(mutex_);
    const ObjectId id = ObjectId::of(plain);
    objects_.emplace(id, std::move(plain));
    return id;
  }
  Status flush() override { return Done{}; }
  Result<SharedBytes> read(const ObjectId& id) override {
    const MutexLock lock(mutex_);
    const auto found = objects_.find(id);
    if (found == objects_.end()) return Error{Code::kNotFound, "no object " + id.brief()};
    return std::make_shared<const Bytes>(found->second);
  }

  // For one thread.
  const std::map<ObjectId, Bytes>& all() const NO_THREAD_SAFETY_ANALYSIS { return objects_; }
  const Bytes& at(const ObjectId& id) const { return all().at(id); }
  size_t count() const { return all().size(); }
  size_t total_bytes() const {
    size_t total = 0;
    for (const auto& [id, bytes] : all()) total += bytes.size();
    return total;
  }

 private:
  Mutex mutex_;
  std::map<ObjectId, Bytes> objects_ GUARDED_BY(mutex_);
};

}  // namespace granary
