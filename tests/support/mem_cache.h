// MemCache: a Cache in memory without a quota, for tests; `refuse` makes it take nothing in.
#pragma once

#include <map>

#include "fs/base/mutex.h"
#include "fs/store/cache.h"

namespace granary {

class MemCache : public Cache {
 public:
  std::optional<ObjectHandle> open(const ObjectId& id) override {
    const MutexLock lock(mutex_);
    const auto place = objects_.find(id);
    ++(place == objects_.end() ? stats_.misses : stats_.hits);
    if (place == objects_.end()) return std::nullopt;
    return ObjectHandle::in_memory(place->second);
  }
  Status put(const ObjectId& id, ByteView plain) override {
    const MutexLock lock(mutex_);
    if (refuses_) {
      ++stats_.put_failures;
      return Error{Code::kNoSpace, "the cache is full"};
    }
    ++stats_.puts;
    if (objects_.emplace(id, std::make_shared<const Bytes>(plain)).second) stats_.used_bytes += plain.size();
    return Done{};
  }
  void discard(const ObjectId& id) override {
    const MutexLock lock(mutex_);
    objects_.erase(id);
  }
  bool holds(const ObjectId& id) override {
    const MutexLock lock(mutex_);
    return objects_.contains(id);
  }
  CacheStats stats() const override {
    const MutexLock lock(mutex_);
    return stats_;
  }
  void refuse(bool refuses) {
    const MutexLock lock(mutex_);
    refuses_ = refuses;
  }

 private:
  mutable Mutex mutex_;
  bool refuses_ GUARDED_BY(mutex_) = false;
  std::map<ObjectId, SharedBytes> objects_ GUARDED_BY(mutex_);
  CacheStats stats_ GUARDED_BY(mutex_);
};

}  // namespace granary
