// ObjectPipeline: the ObjectWriter of a publish. Callers hash, worker threads encode and store; the queue between
// them is bounded, so that a fast source waits for slow disks instead of filling the memory.
// What the store has already is neither encoded nor stored. Also an ObjectReader: what was written is read back at
// once, from the queue if need be. Safe from many threads. Borrows the store.
#pragma once

#include <condition_variable>
#include <deque>
#include <optional>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/store/object_store.h"
#include "server/object_writer.h"

namespace granary {

class ObjectPipeline : public ObjectWriter, public ObjectReader {
 public:
  // `threads`: at least 1.
  ObjectPipeline(ObjectStore& store, const Encoding& encoding, unsigned threads);
  ~ObjectPipeline() override;  // what is still queued is dropped: flush first

  Result<ObjectId> write(Bytes plain) override { return enqueue(std::move(plain), encoding_); }
  Result<ObjectId> write_densely(Bytes plain) override { return enqueue(std::move(plain), dense_encoding_); }
  Status flush() override;
  Result<SharedBytes> read(const ObjectId& id) override;

  struct Counters {
    uint64_t new_objects = 0;
    uint64_t new_bytes = 0;        // as stored: encoded, with header
    uint64_t new_plain_bytes = 0;  // before encoding
    uint64_t known_objects = 0;    // written, but the store had them
  };
  Counters counters() const;

 private:
  struct Job {
    ObjectId id;
    Encoding encoding;
  };

  Result<ObjectId> enqueue(Bytes plain, const Encoding& encoding);
  void work();
  Status store_one(const Job& job, const Bytes& plain);

  ObjectStore& store_;
  const Encoding encoding_;
  const Encoding dense_encoding_;

  mutable Mutex mutex_;
  std::condition_variable room_, job_, idle_;
  std::deque<Job> queue_ GUARDED_BY(mutex_);
  std::unordered_map<ObjectId, SharedBytes> in_flight_ GUARDED_BY(mutex_);  // queued or being stored
  std::unordered_set<ObjectId> stored_ GUARDED_BY(mutex_);
  size_t in_flight_bytes_ GUARDED_BY(mutex_) = 0;
  std::optional<Error> failure_ GUARDED_BY(mutex_);  // the first; everything after it is in vain
  Counters counters_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  std::vector<std::thread> workers_;
};

}  // namespace granary
