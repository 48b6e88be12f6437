// Pins: what shall stay in a cache directory whatever else comes in. A pin names the objects that a path of a snapshot
// consists of; no process that shares the cache evicts them. One file a pin, in pins/ of the cache directory, replaced
// in one step, so that a pin is there whole or not at all. It outlives mounts and restarts.
//
// Nothing in the directory is trusted: a file that is damaged protects nothing, stops nobody, and is told of.
// A file: "GRNPIN1\n", then strings (32-bit length and bytes) repository UUID and path, 32 bytes snapshot, 64-bit time,
// 64-bit count, so many times 32 bytes object id and 64-bit plain size, last the SHA-256 of all before it. Integers
// are little-endian.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "fs/base/time.h"
#include "fs/format/object.h"

namespace granary {

struct PinnedObject {
  ObjectId id;
  uint64_t size_bytes = 0;  // plain
  bool operator==(const PinnedObject&) const = default;
};

struct Pin {
  std::string repository;  // its UUID
  Digest snapshot;
  Bytes path;  // relative to the root, which is ""
  UnixSeconds time = 0;
  std::vector<PinnedObject> objects;

  // kCorrupt unless it is a whole pin, as written.
  static Result<Pin> parse(ByteView file);
  Bytes serialise() const;
  bool operator==(const Pin&) const = default;
};

// What a file of so many bytes takes on a cache's disk, in blocks; an empty one still takes an inode.
uint64_t blocks_for(uint64_t size_bytes);

// The pins of a cache directory. Not locked, and no threads: whoever shares it guards it.
class PinBook {
 public:
  explicit PinBook(const std::string& cache_directory)
      : directory_(cache_directory + "/pins"), eviction_lock_(cache_directory + "/lock") {}

  struct Contents {
    std::vector<Pin> pins;             // by path
    std::vector<std::string> damaged;  // files that are no pins
  };
  Result<Contents> read() const;

  // Durable on return, and nothing of it is evicted from then on. What was evicted before is the caller's to fetch
  // again. The same path of the same snapshot is replaced. kBusy: a process that was stopped holds the eviction lock.
  Status write(const Pin& pin) const;
  // kNotFound when there is none.
  Status remove(const Pin& pin) const;

  std::string file_of(const Pin& pin) const;

 private:
  const std::string directory_;
  const std::string eviction_lock_;  // the cache's: held while objects are removed
};

// PinnedSet: the objects that all pins of a directory name, as of the last `refresh`, which reads the pins only when
// something in the directory has changed. Not locked.
class PinnedSet {
 public:
  explicit PinnedSet(const std::string& cache_directory)
      : book_(cache_directory), directory_(cache_directory + "/pins") {}

  void refresh();
  bool contains(const ObjectId& id) const { return sizes_.contains(id); }
  uint64_t bytes() const { return bytes_; }  // on the disk, once they are all there
  uint64_t pins() const { return pins_; }
  const std::vector<std::string>& damaged() const { return damaged_; }

 private:
  struct Stamp {
    int64_t changed_ns = 0;
    uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };

  const PinBook book_;
  const std::string directory_;
  Stamp seen_;
  bool is_settled_ = false;  // what was seen cannot have changed within the same tick of the clock
  std::unordered_map<ObjectId, uint64_t> sizes_;
  uint64_t bytes_ = 0;
  uint64_t pins_ = 0;
  std::vector<std::string> damaged_;
};

}  // namespace granary
