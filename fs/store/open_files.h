// OpenFiles: the cached objects that are open, least recently used first out, and which files this process has
// verified. Not locked: DiskCache guards it, and lets go of what it is given back only after its lock: closing a file
// may wait for the disk.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <list>
#include <unordered_map>
#include <vector>

#include "fs/store/object_handle.h"

namespace granary {

class OpenFiles {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using File = std::shared_ptr<const ObjectHandle::File>;
  struct Named {
    ObjectId id;
    File file;
  };

  explicit OpenFiles(size_t limit) : limit_(limit) {}

  File find(const ObjectId& id, Time now) {
    const auto place = places_.find(id);
    if (place == places_.end()) return nullptr;
    place->second->used = now;
    newest_first_.splice(newest_first_.begin(), newest_first_, place->second);
    return place->second->file;
  }
  // What had to make room. It counts as used, and nobody has been told of that.
  [[nodiscard]] std::vector<File> add(const ObjectId& id, File file, Time now) {
    std::vector<File> gone{close(id)};
    newest_first_.push_front({id, std::move(file), now, Time{}});
    places_[id] = newest_first_.begin();
    if (places_.size() > limit_) gone.push_back(close(ObjectId(newest_first_.back().id)));
    return gone;
  }
  // The file that was open, if any.
  [[nodiscard]] File close(const ObjectId& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return nullptr;
    File file = std::move(place->second->file);
    newest_first_.erase(place->second);
    places_.erase(place);
    return file;
  }
  // The same, unless another file has taken its place.
  [[nodiscard]] File close(const Named& which) {
    const auto place = places_.find(which.id);
    return place != places_.end() && place->second->file == which.file ? close(which.id) : nullptr;
  }
  // The files used since they were last told of, `pause` ago or longer: for touching.
  std::vector<File> take_used(Time now, std::chrono::seconds pause) {
    std::vector<File> used;
    for (Entry& entry : newest_first_) {
      if (entry.used <= entry.told || now - entry.told < pause) continue;
      entry.told = now;
      used.push_back(entry.file);
    }
    return used;
  }
  std::vector<Named> all() const {
    std::vector<Named> out;
    out.reserve(places_.size());
    for (const Entry& entry : newest_first_) out.push_back({entry.id, entry.file});
    return out;
  }

  // Verified is what has this inode, size and time of change, until `forget`.
  void set_verified(const ObjectId& id, const struct stat& info) {
    if (verified_.size() >= kMostVerified) verified_.clear();  // hashing anew is cheap, memory is not
    verified_[id] = stamp_of(info);
  }
  bool is_verified(const ObjectId& id, const struct stat& info) const {
    const auto place = verified_.find(id);
    return place != verified_.end() && place->second == stamp_of(info);
  }
  [[nodiscard]] File forget(const ObjectId& id) {
    verified_.erase(id);
    return close(id);
  }
  // As new: all files that were open.
  [[nodiscard]] std::vector<Named> forget_all() {
    std::vector<Named> gone = all();
    newest_first_.clear();
    places_.clear();
    verified_.clear();
    return gone;
  }

 private:
  struct Entry {
    ObjectId id;
    File file;
    Time used;
    Time told;
  };
  struct Stamp {
    uint64_t device;
    uint64_t inode;
    int64_t size_bytes;
    int64_t mtime_ns;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const struct stat& info) {
    return {info.st_dev, info.st_ino, info.st_size,
            info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec};
  }
  static constexpr size_t kMostVerified = 200'000;

  const size_t limit_;
  std::list<Entry> newest_first_;
  std::unordered_map<ObjectId, std::list<Entry>::iterator> places_;
  std::unordered_map<ObjectId, Stamp> verified_;
};

}  // namespace granary
