// HotRows: the catalog rows touched last, by inode number, so that a read that follows a look-up or a listing asks no
// database. Bounded and direct-mapped: neighbours in a directory have neighbouring numbers, so that there is nothing to
// keep in order. Safe from many threads.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/format/node.h"

namespace granary {

using Row = std::shared_ptr<const Entry>;

class HotRows {
 public:
  explicit HotRows(size_t slots) {
    for (Shard& shard : shards_) shard.rows.resize(slots / kShards + 1);
  }

  // Nothing when it has fallen out, or never was here.
  Row find(InodeNumber inode) {
    Shard& shard = shards_[inode % kShards];
    const MutexLock lock(shard.mutex);
    const Row& row = shard.rows[slot_of(inode, shard.rows.size())];
    return row && row->inode == inode ? row : nullptr;
  }

  void keep(Row row) {
    Shard& shard = shards_[row->inode % kShards];
    const MutexLock lock(shard.mutex);
    shard.rows[slot_of(row->inode, shard.rows.size())].swap(row);
  }

 private:
  static constexpr size_t kShards = 64;
  static size_t slot_of(InodeNumber inode, size_t slots) { return (inode / kShards) % slots; }

  struct Shard {
    Mutex mutex;
    std::vector<Row> rows GUARDED_BY(mutex);
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace granary
