// DiskCache: a Cache in a directory, shared by all mounts (processes) of one user on one host.
//
//   objects/HH/HHHH…   one plain object a file, mode 0600, moved into place by rename, never written again
//   tmp/               objects on their way in
//   usage              bytes in use by all processes: a mapped page of atomic counters
//   lock               flock(2): shared while an object goes in, exclusive while bytes are counted or evicted
//
// Nothing here is trusted: the first time this process opens an object it hashes the file, and a damaged one
// is removed and is a miss. From then on reads go through a bounded set of open descriptors.
//
// The quota is hard: room is reserved in `usage` before a byte is written, counted in blocks of 4 KiB. Above 90 %
// a thread evicts down to 85 %, least recently used first (access times of the files, touched by hand and
// coarsely); when a reservation fails, `put` evicts by itself. Whoever holds the lock exclusively knows
// that no object is on its way in, so every eviction, and every start, counts anew: what a killed process left
// behind in `usage` or tmp/ is repaired there. Such drift only ever counts too much, never too little.
// Descriptors of objects that another process evicted are let go within seconds.
//
// A full, read-only or failing disk degrades it: `put` fails softly, hits go on, one warning tells of each change.
//
// Why no process of its own with a LevelDB index, which would allow several users and cheaper eviction: files, an
// atomic counter and a lock need nobody to start, to keep alive or to upgrade, and lose nothing in a crash. Each
// eviction reads the whole directory (about 2 µs a file), which is little as long as it frees 5 % at once. Another
// implementation can follow behind Cache.
#pragma once

#include <atomic>
#include <list>
#include <string>
#include <thread>
#include <unordered_map>

#include "fs/base/mutex.h"
#include "fs/store/cache.h"

namespace granary {

struct DiskCacheOptions {
  uint64_t quota_bytes = uint64_t{4} << 30;  // of all mounts together; each holds the total below its own quota
  size_t max_open_files = 1024;              // also at most a quarter of RLIMIT_NOFILE
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
  CacheStats stats() const override;
};

}  // namespace granary
