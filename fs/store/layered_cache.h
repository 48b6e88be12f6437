// LayeredCache: a Cache of one's own, and below it others that are only read: a pre-filled image, what a diskless node
// gets from its server, the cache of another user who lets others read it (chmod 755). What is not in one's own is
// looked for there before the network is asked.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/store/cache.h"
#include "fs/store/disk_watch.h"
#include "fs/store/open_files.h"

namespace granary {

// LowerCache: a directory laid out as a DiskCache's, never written, locked or touched; its disk may be read-only. It
// may come and go. Every object is verified at its first use in this process. Safe from many threads.
class LowerCache {
 public:
  explicit LowerCache(std::string directory, std::chrono::milliseconds hang_after = std::chrono::seconds(5));

  // The object where it lies, if its file is root's or our own and nobody else may write it; else a copy, because
  // whoever owns it could change it after it was verified. None: it is not here, damaged, or its disk fails or hangs.
  struct Hit {
    std::optional<ObjectHandle> in_place;
    SharedBytes copy;
  };
  std::optional<Hit> open(const ObjectId& id);
  bool holds(const ObjectId& id);
  // Not from here for a while: its handle turned out unreadable.
  void refuse(const ObjectId& id);

  const std::string& directory() const { return directory_; }

 private:
  using Time = OpenFiles::Time;

  std::optional<Hit> open_file(const ObjectId& id);
  bool is_refused(const ObjectId& id);
  void complain(const ObjectId& id);

  const std::string directory_;
  const std::shared_ptr<DiskWatch> watch_;
  Mutex mutex_;  // never held while the disk is asked
  OpenFiles open_files_ GUARDED_BY(mutex_);
  std::unordered_map<ObjectId, Time> refused_ GUARDED_BY(mutex_);
};

class LayeredCache : public Cache {
 public:
  // `lower` in the order in which they are asked.
  LayeredCache(std::unique_ptr<Cache> own, const std::vector<std::string>& lower);

  std::optional<ObjectHandle> open(const ObjectId& id) override;
  Status put(const ObjectId& id, ByteView plain) override { return own_->put(id, plain); }
  void discard(const ObjectId& id) override;
  bool holds(const ObjectId& id) override;
  CacheStats stats() const override;

 private:
  const std::unique_ptr<Cache> own_;
  std::vector<std::unique_ptr<LowerCache>> lower_;
  std::atomic<uint64_t> lower_hits_{0};
};

}  // namespace granary
