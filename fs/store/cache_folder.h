// CacheFolder: the directory of a cache on the disk: what lies where, whether it is ours alone, and what it takes.
//
//   CACHEDIR.TAG       says whose directory this is: one that is neither empty nor tagged is not touched
//   objects/HH/HHHH…   one plain object a file, moved into place by rename, never written again
//   tmp/RRRR.SIZE      objects on their way in, each locked by who writes it, with the room reserved for it
//   usage              what all of this takes (fs/store/shared_usage.h)
//   lock               flock(2), exclusive while objects are evicted, or pins written
//   pins/              what is never evicted (fs/store/pins.h)
//
// Room is taken in this order: a temporary file, its reservation in `usage`, its bytes, its name; and given back in
// the opposite one. Whoever is killed anywhere leaves `usage` too high, never too low, and `scan` mends it.
//
// Only who owns the directory can write into it, at every level; links are followed nowhere below it. Others may read
// when its mode says so (chmod 755): what goes in follows that. Everything is relative to a descriptor of the
// directory, so that what happens to the names above it makes no difference.
//
// No threads, no memory of objects; safe from many threads and processes.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/base/unique_fd.h"
#include "fs/format/object.h"
#include "fs/store/shared_usage.h"

namespace granary {

class CacheFolder {
 public:
  // Makes the directory (mode 0700, and those above it) if it is missing.
  //   kPermission  not ours alone: others could make their objects ours
  //   kInvalid     not a directory, or one of something else
  //   others       it cannot be made
  static Result<std::unique_ptr<CacheFolder>> open(const std::string& directory);
  // One that exists, whoever's: for looking after it. kNotFound, kInvalid: no cache.
  static Result<std::unique_ptr<CacheFolder>> open_existing(const std::string& directory);

  // Makes what is missing inside, and mends what is in the way. kPermission: something inside is somebody else's.
  Status prepare();
  // Whether the directory's path still leads here.
  bool is_in_place() const;

  const std::string& path() const { return path_; }
  std::string path_of(const ObjectId& id) const { return path_ + "/" + object_path(id); }
  std::string lock_path() const { return path_ + "/lock"; }
  SharedUsage& usage() { return usage_; }

  // What is counted for an object of so many bytes: its blocks, and its name in a directory.
  uint64_t charge_of(uint64_t size_bytes) const;
  // The same, and the directory that may have to be made.
  uint64_t room_for(const ObjectId& id, uint64_t size_bytes) const;

  struct Found {
    UniqueFd fd;
    struct stat info {};
  };
  //   kNotFound  not here
  //   kCorrupt   something that is no object of ours is in its place
  Result<Found> find(const ObjectId& id) const;
  bool holds(const ObjectId& id) const;

  struct Temporary {
    UniqueFd fd;  // locked
    std::string name;
  };
  Result<Temporary> make_temporary(uint64_t reserved_bytes);
  void drop_temporary(const Temporary& temporary);
  // Gives it its name, but never replaces one.
  //   kConflict  there is one already
  //   kNotFound  its directory was removed since `room_for` was asked
  Status move_in(const ObjectId& id, const Temporary& temporary, uint64_t room_bytes);

  // Removes an object (only this inode, if it is not 0) and gives its room back. Of many who try, one succeeds; the
  // others get kNotFound. Its charge.
  Result<uint64_t> remove(const ObjectId& id, ino_t inode = 0);

  // Clears away what killed processes left in tmp/, and says how much that was: then `usage` is too high.
  uint64_t clear_leftovers();

  struct Resident {
    ObjectId id;
    uint64_t charge_bytes;
    uint64_t size_bytes;
    int64_t used_ns;  // when it was last used
  };
  struct Scan {
    std::vector<Resident> objects;
    uint64_t charge_bytes = 0;  // all that is counted
    uint64_t cleared = 0;       // left over by who was killed, empty, or none of ours: removed
  };
  // Looks at every file, clears away what is no object, and mends `usage`. `each_folder` is called now and then; false
  // ends the scan (kUnavailable).
  Result<Scan> scan(const std::function<bool()>& each_folder = [] { return true; });
  // The same for objects/HH alone, without mending `usage`.
  Result<Scan> list(int folder);

 private:
  CacheFolder(std::string path, UniqueFd directory, const struct stat& info);
  static Result<std::unique_ptr<CacheFolder>> open_checked(const std::string& directory, bool only_ours);

  Result<bool> make_folder(const std::string& name);  // false: it was there
  Status check_folder(const std::string& name, bool may_be_missing);
  Status write_tag();
  bool is_ours(const struct stat& info) const;
  void scan_temporaries(Scan& scan);
  Status scan_folder(const std::string& prefix, Scan& scan);
  void clear_away(int directory, const char* name);

  const std::string path_;
  const UniqueFd directory_;
  const dev_t device_;
  const ino_t inode_;
  const uid_t owner_;
  uint64_t block_bytes_ = 4096;
  SharedUsage usage_;
};

// What somebody's cache may be made of: a directory with its parents (0755), itself 0700.
Status make_cache_directory(const std::string& directory);
// kInvalid when there is something else than a cache: before it is given to anybody. Missing is fine.
Status check_cache_directory(const std::string& directory);

}  // namespace granary
