// Cache: verified plain objects kept near at hand, within a quota.
// Implementations: DiskCache (a directory shared by the mounts of a host), LayeredCache (with others below
// that are only read). Tests add MemCache.
// All are safe to call from many threads at once. A cache may forget anything at any time.
#pragma once

#include <optional>

#include "fs/store/object_handle.h"

namespace granary {

struct CacheStats {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t lower_hits = 0;    // of the hits: in a cache below (fs/store/layered_cache.h)
  uint64_t healed = 0;        // damaged objects found and removed
  uint64_t puts = 0;          // objects taken in
  uint64_t put_failures = 0;  // not taken in: no room, or the disk refused
  uint64_t evictions = 0;     // objects removed to make room, by this process
  uint64_t evicted_bytes = 0;
  uint64_t used_bytes = 0;  // now, all processes together
  uint64_t quota_bytes = 0;
  uint64_t pins = 0;          // fs/store/pins.h
  uint64_t pinned_bytes = 0;  // on the disk, once all is there; never evicted
  uint64_t damaged_pins = 0;  // files that protect nothing
};

class Cache {
 public:
  virtual ~Cache() = default;

  // The object, verified; nothing when it is not here. A damaged one is removed and is a miss.
  virtual std::optional<ObjectHandle> open(const ObjectId& id) = 0;

  // Keeps a copy of `plain`, which the caller has verified against `id`. Failing is no tragedy:
  // the caller has the bytes and goes on without. Putting an object twice is a cheap success.
  //   kNoSpace      larger than the quota, or the disk is full and nothing could be evicted
  //   kUnavailable  the cache cannot be written just now
  virtual Status put(const ObjectId& id, ByteView plain) = 0;

  // Forgets an object whose handle turned out unreadable.
  virtual void discard(const ObjectId& id) = 0;

  // Whether it is here, as far as a glance tells: nothing is verified, and it does not count as used.
  virtual bool holds(const ObjectId& id) = 0;

  virtual CacheStats stats() const = 0;
};

}  // namespace granary
