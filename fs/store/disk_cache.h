// DiskCache: a Cache in a directory, shared by all mounts (processes) of one user on one host.
//
//   objects/HH/HHHH…   one plain object a file, mode 0600, moved into place by rename, never written again
//   tmp/               objects on their way in
//   usage              bytes in use by all processes: a mapped page of atomic counters
//   gate               flock(2), shared while an object goes in, exclusive while all is counted anew
//   lock               flock(2), exclusive while objects are removed, or pins written
//   pins/              what is never evicted (fs/store/pins.h)
//
// Nothing here is trusted: the first time this process opens an object it hashes the file, and a damaged one
// is removed and is a miss. From then on reads go through a bounded set of open descriptors.
//
// The quota is hard: room is reserved in `usage` before a byte is written, counted in blocks of 4 KiB. Above 90 %
// a thread evicts down to 85 %, least recently used first (access times of the files, touched by hand and
// coarsely); when a reservation fails, `put` evicts by itself. A process killed half-way leaves `usage` too high, never
// too low: whoever starts when no object is on its way in, or notices while evicting, counts anew and clears tmp/.
// Descriptors of objects that another process evicted are let go within seconds.
//
// A full, read-only or failing disk degrades it: `put` fails softly, hits go on, one warning tells of each change.
//
// Why no process of its own with a LevelDB index, which would allow several users and cheaper eviction: files, an
// atomic counter and two locks need nobody to start, to keep alive or to upgrade, and lose nothing in a crash. An
// eviction reads the whole directory (a few µs a file), which is little as long as it frees 5 % at once. Another
// implementation can follow behind Cache.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/store/cache.h"
#include "fs/store/open_files.h"
#include "fs/store/pins.h"
#include "fs/store/shared_usage.h"

namespace granary {

struct DiskCacheOptions {
  uint64_t quota_bytes = uint64_t{4} << 30;  // of all mounts together; each holds the total below its own quota
  size_t max_open_files = 1024;              // also at most a quarter of RLIMIT_NOFILE
  std::chrono::milliseconds pause_after_failure{5000};  // no puts for so long after the disk refused one
};

class DiskCache : public Cache {
 public:
  // Makes the directory (mode 0700) if it is missing; starts a thread (fork before that).
  //   kPermission  not ours, or others may write into it: their objects would become ours
  //   others       it cannot be made or is no directory
  static Result<std::unique_ptr<DiskCache>> open(const std::string& directory, const DiskCacheOptions& options = {});
  ~DiskCache() override;

  std::optional<ObjectHandle> open(const ObjectId& id) override;
  Status put(const ObjectId& id, ByteView plain) override;
  void discard(const ObjectId& id) override;
  bool holds(const ObjectId& id) override;
  CacheStats stats() const override;

 private:
  struct Counters {
    std::atomic<uint64_t> hits{0}, misses{0}, healed{0}, puts{0}, put_failures{0}, evictions{0}, evicted_bytes{0};
  };
  struct Resident {
    ObjectId id;
    uint64_t disk_bytes;
    int64_t used_ns;  // when it was last used
  };

  // What came of trying to take an object in, and what is in the way.
  enum class Obstacle { kNone, kQuota, kFullDisk, kOther };
  struct Entry {
    Status status;
    Obstacle obstacle;
  };

  DiskCache(std::string directory, const DiskCacheOptions& options);

  Status prepare();
  SharedUsage* usage() const { return usage_.load(); }

  OpenFiles::File open_verified(const ObjectId& id);
  bool verify(const ObjectId& id, const ObjectHandle::File& file) const;
  void remove_damaged(const ObjectId& id, ino_t inode);
  void remove_locked(const ObjectId& id);  // by who holds `lock`

  Status put_with_room(const ObjectId& id, ByteView plain);
  Entry put_once(const ObjectId& id, ByteView plain);
  Entry put_behind_gate(const ObjectId& id, ByteView plain);
  Status write_object(const ObjectId& id, ByteView plain);
  Status move_in(const ObjectId& id, const std::string& temporary);
  bool is_paused() const;
  void wake_tender_when_crowded();
  void note(const Status& outcome);

  Status evict_for(uint64_t needed_bytes);
  Status evict_down_to(uint64_t goal_bytes);
  std::vector<Resident> residents() const;
  void recount(int gate_operation);

  void tend();
  void touch_used();

  std::string path_of(const ObjectId& id) const;

  const std::string directory_;
  const uint64_t quota_bytes_;
  const std::chrono::milliseconds pause_;
  Counters counters_;
  std::atomic<uint64_t> next_temporary_{0};

  // Set once, as soon as the directory can be written.
  std::atomic<SharedUsage*> usage_{nullptr};
  Mutex prepare_mutex_;
  std::unique_ptr<SharedUsage> owned_usage_ GUARDED_BY(prepare_mutex_);

  mutable Mutex pins_mutex_;
  mutable PinnedSet pinned_ GUARDED_BY(pins_mutex_);

  mutable Mutex mutex_;
  OpenFiles open_files_ GUARDED_BY(mutex_);
  bool degraded_ GUARDED_BY(mutex_) = false;
  OpenFiles::Time paused_until_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool is_crowded_ GUARDED_BY(mutex_) = false;
  std::condition_variable wake_;
  std::thread tender_;
};

}  // namespace granary
