// OpenFiles: the cached objects that are open, least recently used first out, and which files this process has
// verified. Not locked: DiskCache guards it.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <list>
#include <unordered_map>

#include "fs/store/object_handle.h"

namespace granary {

class OpenFiles {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using File = std::shared_ptr<const ObjectHandle::File>;

  explicit OpenFiles(size_t limit) : limit_(limit) {}

  File find(const ObjectId& id, Time now) {
    const auto place = places_.find(id);
    if (place == places_.end()) return nullptr;
    place->second->used = now;
    newest_first_.splice(newest_first_.begin(), newest_first_, place->second);
    return place->second->file;
  }
  void add(const ObjectId& id, File file, Time now) {
    close(id);
    newest_first_.push_front({id, std::move(file), now, now});
    places_[id] = newest_first_.begin();
    if (places_.size() > limit_) close(ObjectId(newest_first_.back().id));
  }
  void close(const ObjectId& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return;
    newest_first_.erase(place->second);
    places_.erase(place);
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
  // Lets go of files that have been removed.
  void close_removed() {
    for (auto entry = newest_first_.begin(); entry != newest_first_.end();) {
      struct stat info {};
      const bool removed = ::fstat(entry->file->fd.get(), &info) == 0 && info.st_nlink == 0;
      if (removed) places_.erase(entry->id);
      entry = removed ? newest_first_.erase(entry) : std::next(entry);
    }
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
  void forget(const ObjectId& id) {
    close(id);
    verified_.erase(id);
  }

 private:
  struct Entry {
    ObjectId id;
    File file;
    Time used;
    Time told;
  };
  struct Stamp {
    uint64_t inode;
    int64_t mtime_ns;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const struct stat& info) {
    return {info.st_ino, info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec};
  }
  static constexpr size_t kMostVerified = 200'000;

  const size_t limit_;
  std::list<Entry> newest_first_;
  std::unordered_map<ObjectId, std::list<Entry>::iterator> places_;
  std::unordered_map<ObjectId, Stamp> verified_;
};

}  // namespace granary
