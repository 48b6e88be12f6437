// MemStore: an object store in memory that can be told to misbehave, and the reader and writer on top of it.
// Safe from many threads at once.
#pragma once

#include <map>

#include "fs/base/mutex.h"
#include "fs/store/object_store.h"
#include "server/object_writer.h"

namespace granary {

class MemStore : public ObjectStore {
 public:
  Result<Bytes> get(const ObjectId& id) override {
    const MutexLock lock(mutex_);
    ++reads_[id];
    if (unavailable_) return Error{Code::kUnavailable, "the store is away"};
    const auto found = files_.find(id);
    if (found == files_.end()) return Error{Code::kNotFound, str("no object ", id.brief())};
    return found->second;
  }
  Status put(const ObjectId& id, ByteView file) override {
    const MutexLock lock(mutex_);
    if (puts_left_ == 0) return Error{Code::kNoSpace, "the store is full"};
    if (puts_left_ > 0) --puts_left_;
    files_.try_emplace(id, file);
    return Done{};
  }
  Result<bool> has(const ObjectId& id) override {
    const MutexLock lock(mutex_);
    return files_.count(id) != 0;
  }
  Status sync() override { return Done{}; }

  // ---- faults
  void lose(const ObjectId& id) {
    const MutexLock lock(mutex_);
    files_.erase(id);
  }
  // Flips a bit of the object's payload.
  void damage(const ObjectId& id) {
    const MutexLock lock(mutex_);
    files_.at(id).back() = static_cast<char>(files_.at(id).back() ^ 1);
  }
  // While away, every get is kUnavailable.
  void set_away(bool away) {
    const MutexLock lock(mutex_);
    unavailable_ = away;
  }
  // After so many more puts the store is full; negative: never.
  void fill_after(int puts) {
    const MutexLock lock(mutex_);
    puts_left_ = puts;
  }

  // ---- what happened
  uint64_t reads_of(const ObjectId& id) const {
    const MutexLock lock(mutex_);
    const auto found = reads_.find(id);
    return found == reads_.end() ? 0 : found->second;
  }
  uint64_t total_reads() const {
    const MutexLock lock(mutex_);
    uint64_t total = 0;
    for (const auto& [id, count] : reads_) total += count;
    return total;
  }
  void forget_reads() {
    const MutexLock lock(mutex_);
    reads_.clear();
  }
  size_t object_count() const {
    const MutexLock lock(mutex_);
    return files_.size();
  }
  // The bytes of one object file, 0 when there is none.
  size_t file_bytes(const ObjectId& id) const {
    const MutexLock lock(mutex_);
    const auto found = files_.find(id);
    return found == files_.end() ? 0 : found->second.size();
  }
  std::vector<ObjectId> ids() const {
    const MutexLock lock(mutex_);
    std::vector<ObjectId> all;
    for (const auto& [id, file] : files_) all.push_back(id);
    return all;
  }

 private:
  mutable Mutex mutex_;
  std::map<ObjectId, Bytes> files_ GUARDED_BY(mutex_);
  std::map<ObjectId, uint64_t> reads_ GUARDED_BY(mutex_);
  bool unavailable_ GUARDED_BY(mutex_) = false;
  int puts_left_ GUARDED_BY(mutex_) = -1;
};

// StoreWriter: encodes and stores at once, on the caller's thread. Borrows the store.
class StoreWriter : public ObjectWriter {
 public:
  explicit StoreWriter(ObjectStore& store, Encoding encoding = {}) : store_(store), encoding_(encoding) {}
  Result<ObjectId> write(Bytes plain) override {
    const ObjectId id = Digest::of(plain);
    TRY(store_.put(id, encode_object(plain, encoding_)));
    return id;
  }
  Status flush() override { return Done{}; }

 private:
  ObjectStore& store_;
  const Encoding encoding_;
};

// MemObjects: a store with its reader and its writer, for tests that need all three.
struct MemObjects {
  MemStore store;
  StoreReader reader{store};
  StoreWriter writer{store};
};

}  // namespace granary
