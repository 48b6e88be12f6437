#include "fs/store/layered_cache.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fs/base/file.h"
#include "fs/base/log.h"

namespace granary {

namespace {
constexpr size_t kMostOpen = 1024;
constexpr size_t kMostRefused = 10'000;
constexpr std::chrono::minutes kRefusedFor{1};

// Nobody but root and us can change what was verified. On a FUSE file system the owner is whatever its server says.
bool can_be_served_in_place(int fd, const struct stat& info) {
  struct statfs disk {};
  const bool is_kernels = ::fstatfs(fd, &disk) == 0 && disk.f_type != FUSE_SUPER_MAGIC;
  return is_kernels && (info.st_uid == 0 || info.st_uid == ::geteuid()) && (info.st_mode & 022) == 0;
}
}  // namespace

LowerCache::LowerCache(std::string directory, std::chrono::milliseconds hang_after)
    : directory_(std::move(directory)), watch_(std::make_shared<DiskWatch>(hang_after)), open_files_(kMostOpen) {
  if (!exists(directory_ + "/objects")) {
    log::warn("lower cache missing", {{"cache", directory_}, {"action", "doing without until it is there"}});
  }
}

std::optional<LowerCache::Hit> LowerCache::open(const ObjectId& id) {
  {
    const MutexLock lock(mutex_);
    if (auto file = open_files_.find(id, std::chrono::steady_clock::now()))
      return Hit{ObjectHandle::in_file(std::move(file)), nullptr};
  }
  if (is_refused(id)) return std::nullopt;
  return open_file(id);
}

std::optional<LowerCache::Hit> LowerCache::open_file(const ObjectId& id) {
  const auto watched = watch_->begin();
  if (!watched) return std::nullopt;
  auto file = std::make_shared<ObjectHandle::File>();
  const std::string path = directory_ + "/" + object_path(id);
  file->fd.reset(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  file->watch = watch_;
  struct stat info {};
  const bool is_file = file->fd.valid() && ::fstat(file->fd.get(), &info) == 0 && S_ISREG(info.st_mode) &&
                       static_cast<uint64_t>(info.st_size) <= kMaxObjectBytes;
  if (!is_file) return std::nullopt;
  file->size_bytes = static_cast<uint64_t>(info.st_size);
  const bool in_place = can_be_served_in_place(file->fd.get(), info);
  bool is_verified = false;
  {
    const MutexLock lock(mutex_);
    is_verified = in_place && open_files_.is_verified(id, info);
  }
  if (!is_verified) {
    auto plain = read_at(file->fd.get(), 0, static_cast<size_t>(info.st_size));
    if (!plain || ObjectId::of(*plain) != id) return complain(id), std::nullopt;
    if (!in_place) return Hit{std::nullopt, std::make_shared<const Bytes>(*std::move(plain))};
  }
  std::vector<OpenFiles::File> gone;  // after the lock
  const MutexLock lock(mutex_);
  open_files_.set_verified(id, info);
  gone = open_files_.add(id, file, std::chrono::steady_clock::now());
  return Hit{ObjectHandle::in_file(std::move(file)), nullptr};
}

bool LowerCache::holds(const ObjectId& id) {
  if (is_refused(id)) return false;
  const auto watched = watch_->begin();
  return watched && exists(directory_ + "/" + object_path(id));
}

void LowerCache::refuse(const ObjectId& id) {
  OpenFiles::File gone;  // after the lock
  const MutexLock lock(mutex_);
  gone = open_files_.forget(id);
  if (refused_.size() >= kMostRefused) refused_.clear();
  refused_[id] = std::chrono::steady_clock::now() + kRefusedFor;
}

bool LowerCache::is_refused(const ObjectId& id) {
  const MutexLock lock(mutex_);
  const auto place = refused_.find(id);
  if (place == refused_.end()) return false;
  if (std::chrono::steady_clock::now() < place->second) return true;
  refused_.erase(place);
  return false;
}

// We may not mend it.
void LowerCache::complain(const ObjectId& id) {
  refuse(id);
  log::warn("lower cache object damaged", {{"cache", directory_}, {"object", id}, {"action", "fetched instead"}});
}

LayeredCache::LayeredCache(std::unique_ptr<Cache> own, const std::vector<std::string>& lower) : own_(std::move(own)) {
  for (const std::string& directory : lower) lower_.push_back(std::make_unique<LowerCache>(directory));
}

std::optional<ObjectHandle> LayeredCache::open(const ObjectId& id) {
  if (auto hit = own_->open(id)) return hit;
  for (const auto& lower : lower_) {
    auto hit = lower->open(id);
    if (!hit) continue;
    ++lower_hits_;
    if (hit->in_place) return hit->in_place;
    static_cast<void>(own_->put(id, *hit->copy));
    return ObjectHandle::in_memory(hit->copy);
  }
  return std::nullopt;
}

void LayeredCache::discard(const ObjectId& id) {
  own_->discard(id);
  for (const auto& lower : lower_) lower->refuse(id);
}

bool LayeredCache::holds(const ObjectId& id) {
  if (own_->holds(id)) return true;
  for (const auto& lower : lower_) {
    if (lower->holds(id)) return true;
  }
  return false;
}

CacheStats LayeredCache::stats() const {
  CacheStats stats = own_->stats();
  stats.lower_hits = lower_hits_;
  stats.hits += stats.lower_hits;
  stats.misses -= std::min(stats.misses, stats.lower_hits);
  return stats;
}

}  // namespace granary
