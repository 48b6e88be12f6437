// DiskCache: a Cache in a directory (fs/store/cache_folder.h says what lies where), shared by all mounts (processes) of
// one user on one host.
//
// Nothing here is trusted: the first time this process opens an object it hashes the file, and a damaged one is removed
// and is a miss. From then on reads go through a bounded set of open descriptors. A scrub (`granary cache verify`)
// removes what it finds damaged; descriptors of files that are gone are let go within seconds.
//
// The quota is hard: room is reserved before a byte is written, in whole blocks, directories included. Above 90 % the
// tender, a thread, evicts down to 85 %, least recently used first (access times of the files, touched by hand and
// coarsely), never what is pinned. What is open in some process may go when it has not been used for long: its
// descriptor goes on, and its room comes back within seconds. (Locking what is open would let a few mounts, each with
// a thousand idle descriptors, keep a small cache full for ever.)
//
// A full, read-only, failing, missing or hanging disk degrades it: `put` fails softly, hits go on where they can, one
// warning tells of each change, and it works again by itself. Nobody who reads waits for an eviction, for another
// process's lock, or, once a disk is known to hang, for the disk; `stats` never does.
//
// Why no process of its own with a LevelDB index, which would allow several users and cheaper eviction: files, a small
// file of counters and a lock need nobody to start, to keep alive or to upgrade, and lose nothing in a crash. An
// eviction reads the whole directory (a few µs a file), which is little as long as it frees 5 % at once. Another
// implementation can follow behind Cache.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/store/cache.h"
#include "fs/store/cache_folder.h"
#include "fs/store/disk_watch.h"
#include "fs/store/open_files.h"
#include "fs/store/pins.h"

namespace granary {

struct DiskCacheOptions {
  uint64_t quota_bytes = uint64_t{4} << 30;  // of all mounts together; each holds the total below its own quota
  size_t max_open_files = 1024;              // also at most a quarter of RLIMIT_NOFILE
  std::chrono::milliseconds pause_after_failure{5000};  // no puts for so long after the disk refused one
  std::chrono::milliseconds hang_after{5000};           // a disk that takes longer for anything is left alone
  std::chrono::milliseconds room_patience{5000};        // so long a put waits for room; nobody reads meanwhile
};

class DiskCache : public Cache {
 public:
  // Makes the directory (mode 0700) if it is missing; starts a thread (fork before that).
  //   kPermission  not ours, or others may write into it: their objects would become ours
  //   kInvalid     no directory, or one that holds something else than a cache
  //   others       it cannot be made
  static Result<std::unique_ptr<DiskCache>> open(const std::string& directory, const DiskCacheOptions& options = {});
  ~DiskCache() override;

  std::optional<ObjectHandle> open(const ObjectId& id) override;
  Status put(const ObjectId& id, ByteView plain) override;
  void discard(const ObjectId& id) override;
  bool holds(const ObjectId& id) override;
  CacheStats stats() const override;

 private:
  using SteadyTime = OpenFiles::Time;
  using Folder = std::shared_ptr<CacheFolder>;

  struct Counters {
    std::atomic<uint64_t> hits{0}, misses{0}, healed{0}, puts{0}, put_failures{0}, evictions{0}, evicted_bytes{0};
  };
  // What the tender saw last; so that nobody else has to look.
  struct Seen {
    std::atomic<uint64_t> used_bytes{0}, pins{0}, pinned_bytes{0}, damaged_pins{0};
    std::atomic<bool> is_crowded{false};
  };
  // What somebody waits for.
  struct Errands {
    bool look = false;        // at the usage and the pins
    bool prepare = false;     // the directory, and count
    uint64_t room_bytes = 0;  // free within the quota
    uint64_t disk_bytes = 0;  // free on the disk
    bool is_regular = false;  // nobody: it is time again
  };

  // What came of trying to take an object in, and what is in the way.
  enum class Obstacle { kNone, kUnprepared, kQuota, kFullDisk, kOther };
  struct Entry {
    Status status;
    Obstacle obstacle;
  };

  DiskCache(std::unique_ptr<CacheFolder> folder, const DiskCacheOptions& options);
  Folder folder() const;

  OpenFiles::File open_verified(const ObjectId& id);
  enum class Verdict { kGood, kDamaged, kUnreadable };
  Verdict verify(const ObjectId& id, const ObjectHandle::File& file) const;
  void remove_damaged(CacheFolder& folder, const ObjectId& id, ino_t inode, Verdict verdict);
  bool is_first_complaint(const ObjectId& id);
  void tell_unreadable(const ObjectId& id);

  Status put_with_room(const ObjectId& id, ByteView plain);
  Entry put_once(const ObjectId& id, ByteView plain);
  Entry write_object(CacheFolder& folder, const ObjectId& id, ByteView plain, uint64_t room_bytes);
  Status fill(CacheFolder& folder, const ObjectId& id, ByteView plain, const CacheFolder::Temporary& temporary,
              uint64_t room_bytes);
  bool is_paused() const;
  void saw(const SharedUsage::Numbers& numbers);
  void note(const Status& outcome);

  // Has the tender do it; false when it is not done within `patience`. Holds no lock of the caller's.
  bool ask_tender(const std::function<void(Errands&)>& what, std::chrono::milliseconds patience) const;
  void tend();
  Errands next_errands();
  void run(const Errands& errands);
  void take_place();
  Status prepare(CacheFolder& folder);
  void look(CacheFolder& folder);
  void evict(CacheFolder& folder, uint64_t goal_bytes);
  void touch_used(std::chrono::seconds told_before);
  void let_go_of_removed();

  const uint64_t quota_bytes_;
  const DiskCacheOptions options_;
  const std::shared_ptr<DiskWatch> watch_;
  Counters counters_;
  Seen seen_;
  std::atomic<bool> is_prepared_{false};

  PinnedSet pinned_;  // these three: the tender's
  uint64_t seen_removals_ = 0;
  SteadyTime next_look_around_;

  mutable Mutex mutex_;  // never held while the disk is asked
  Folder folder_ GUARDED_BY(mutex_);
  OpenFiles open_files_ GUARDED_BY(mutex_);
  std::unordered_set<ObjectId> complained_ GUARDED_BY(mutex_);
  SteadyTime next_unreadable_line_ GUARDED_BY(mutex_);
  bool degraded_ GUARDED_BY(mutex_) = false;
  SteadyTime paused_until_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  mutable Errands wish_ GUARDED_BY(mutex_);
  mutable bool is_wished_ GUARDED_BY(mutex_) = false;
  uint64_t rounds_begun_ GUARDED_BY(mutex_) = 0;
  uint64_t rounds_done_ GUARDED_BY(mutex_) = 0;
  mutable std::condition_variable wake_;
  mutable std::condition_variable round_done_;
  std::thread tender_;
};

}  // namespace granary
