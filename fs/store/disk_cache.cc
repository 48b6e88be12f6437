#include "fs/store/disk_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/log.h"

namespace granary {

namespace {
using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kCrowdedPercent = 90;
constexpr uint64_t kRelaxedPercent = 85;
constexpr uint64_t kDriftWorthCounting = uint64_t{64} << 20;
constexpr int kMostTries = 4;
constexpr std::chrono::seconds kTendEvery{5};
constexpr std::chrono::seconds kTouchEvery{60};

int64_t access_time_ns(const struct stat& info) {
  return info.st_atim.tv_sec * int64_t{1'000'000'000} + info.st_atim.tv_nsec;
}

void touch(int fd) {
  const timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  ::futimens(fd, times);  // on a read-only disk it fails, and nothing is evicted there either
}

size_t bounded_by_limits(size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  return std::clamp<size_t>(wanted, 1, std::max<size_t>(1, limit.rlim_cur / 4));
}

// A flock(2) on a file of its own, let go when this goes.
Result<UniqueFd> lock_gate(const std::string& path, int operation) {
  UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  int failed = 0;
  do failed = ::flock(fd.get(), operation);
  while (failed != 0 && errno == EINTR);
  if (failed != 0) return system_error(errno, "cannot lock " + printable(path));
  return fd;
}

// Names the new file, but never replaces one: each name is accounted for once.
int rename_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (::link(from.c_str(), to.c_str()) != 0) return -1;  // a file system without RENAME_NOREPLACE
  return ::unlink(from.c_str());
}

Status check_directory(const std::string& directory) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) return system_error(errno, "cannot use cache " + printable(directory));
  if (!S_ISDIR(info.st_mode)) return Error{Code::kInvalid, printable(directory) + " is not a directory"};
  const bool is_ours = info.st_uid == ::geteuid() && (info.st_mode & 022) == 0;
  if (is_ours) return Done{};
  return Error{Code::kPermission, str("cannot use cache ", printable(directory),
                                      ": others may write into it; use a directory that is yours alone")};
}

Status make_cache_directory(const std::string& directory) {
  if (exists(directory)) return Done{};
  const auto parent = std::filesystem::absolute(directory).parent_path().string();
  TRY(make_directories(parent));
  return make_directories(directory, 0700);
}
}  // namespace

Result<std::unique_ptr<DiskCache>> DiskCache::open(const std::string& directory, const DiskCacheOptions& options) {
  TRY_WITHIN("cannot make cache " + printable(directory), make_cache_directory(directory));
  TRY(check_directory(directory));
  std::unique_ptr<DiskCache> cache(new DiskCache(std::filesystem::absolute(directory).string(), options));
  const Status prepared = cache->prepare();
  const bool is_hopeless = !prepared && prepared.error().code == Code::kPermission;
  if (is_hopeless) return prepared.error().within("cannot use cache " + printable(directory));
  cache->note(prepared);
  return cache;
}

DiskCache::DiskCache(std::string directory, const DiskCacheOptions& options)
    : directory_(std::move(directory)),
      quota_bytes_(options.quota_bytes),
      pause_(options.pause_after_failure),
      pinned_(directory_),
      open_files_(bounded_by_limits(options.max_open_files)) {
  tender_ = std::thread([this] { tend(); });
}

DiskCache::~DiskCache() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  tender_.join();
}

// Makes what is missing and maps the usage. Fails on a full or read-only disk; tried again by later puts.
Status DiskCache::prepare() {
  if (usage() != nullptr) return Done{};
  const MutexLock lock(prepare_mutex_);
  if (usage() != nullptr) return Done{};
  TRY(make_directories(directory_ + "/objects", 0700));
  TRY(make_directories(directory_ + "/tmp", 0700));
  const FileLock exclusive = TRY(FileLock::wait(directory_ + "/lock"));
  bool is_new = false;
  owned_usage_ = TRY(SharedUsage::open(directory_ + "/usage", is_new));
  usage_ = owned_usage_.get();
  recount(is_new ? LOCK_EX : LOCK_EX | LOCK_NB);
  return Done{};
}

std::string DiskCache::path_of(const ObjectId& id) const { return directory_ + "/" + object_path(id); }

// --- reading

std::optional<ObjectHandle> DiskCache::open(const ObjectId& id) {
  {
    const MutexLock lock(mutex_);
    if (auto file = open_files_.find(id, SteadyClock::now())) {
      ++counters_.hits;
      return ObjectHandle::in_file(std::move(file));
    }
  }
  if (auto file = open_verified(id)) {
    ++counters_.hits;
    return ObjectHandle::in_file(std::move(file));
  }
  ++counters_.misses;
  return std::nullopt;
}

bool DiskCache::holds(const ObjectId& id) { return exists(path_of(id)); }

OpenFiles::File DiskCache::open_verified(const ObjectId& id) {
  auto fd = open_file(path_of(id), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return nullptr;
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return nullptr;
  auto file = std::make_shared<ObjectHandle::File>();
  file->fd = std::move(*fd);
  file->size_bytes = static_cast<uint64_t>(info.st_size);
  const auto now = SteadyClock::now();
  bool is_verified = false;
  {
    const MutexLock lock(mutex_);
    is_verified = open_files_.is_verified(id, info);
  }
  if (!is_verified && !(S_ISREG(info.st_mode) && verify(id, *file))) {
    remove_damaged(id, info.st_ino);
    return nullptr;
  }
  touch(file->fd.get());
  const MutexLock lock(mutex_);
  open_files_.set_verified(id, info);
  open_files_.add(id, file, now);
  return file;
}

bool DiskCache::verify(const ObjectId& id, const ObjectHandle::File& file) const {
  if (file.size_bytes > kMaxObjectBytes) return false;
  constexpr uint64_t kPieceBytes = 256 * 1024;
  Sha256 hash;
  for (uint64_t offset = 0; offset < file.size_bytes; offset += kPieceBytes) {
    const auto piece = read_at(file.fd.get(), static_cast<off_t>(offset), kPieceBytes);
    if (!piece) return false;
    hash.update(*piece);
  }
  return hash.finish() == id;
}

void DiskCache::remove_damaged(const ObjectId& id, ino_t inode) {
  const auto lock = FileLock::wait(directory_ + "/lock");
  struct stat info {};
  const bool is_still_there = ::lstat(path_of(id).c_str(), &info) == 0 && info.st_ino == inode;
  if (lock && !is_still_there) return;  // another reader met it too, and was faster
  ++counters_.healed;
  log::warn("cache object damaged", {{"cache", directory_}, {"object", id}, {"action", "removed"}});
  if (lock) remove_locked(id);
}

void DiskCache::discard(const ObjectId& id) {
  if (const auto lock = FileLock::wait(directory_ + "/lock")) remove_locked(id);
}

void DiskCache::remove_locked(const ObjectId& id) {
  const std::string path = path_of(id);
  struct stat info {};
  const bool removed = ::lstat(path.c_str(), &info) == 0 && ::unlink(path.c_str()) == 0;
  if (removed && usage() != nullptr) usage()->release(blocks_for(static_cast<uint64_t>(info.st_size)));
  const MutexLock lock(mutex_);
  open_files_.forget(id);
}

// --- taking in

Status DiskCache::put(const ObjectId& id, ByteView plain) {
  const Status outcome = put_with_room(id, plain);
  ++(outcome ? counters_.puts : counters_.put_failures);
  return outcome;
}

Status DiskCache::put_with_room(const ObjectId& id, ByteView plain) {
  const uint64_t needed = blocks_for(plain.size());
  if (needed > quota_bytes_) return Error{Code::kNoSpace, str("object ", id, " is larger than the whole cache")};
  if (is_paused()) return Error{Code::kUnavailable, "the cache takes nothing in for a moment"};
  Entry entry = put_once(id, plain);
  for (int tries = 0; entry.obstacle == Obstacle::kQuota && tries < kMostTries; ++tries) {
    TRY(evict_for(needed));
    entry = put_once(id, plain);  // others may have been faster to use the room
  }
  if (entry.obstacle == Obstacle::kFullDisk && usage()->used_bytes() > needed) {
    const uint64_t used = usage()->used_bytes();
    TRY(evict_down_to(std::min(used - needed, used / 8 * 7)));
    entry = put_once(id, plain);
  }
  if (entry.obstacle != Obstacle::kQuota) note(entry.status);
  wake_tender_when_crowded();
  if (entry.status) return Done{};
  const Code code = entry.obstacle == Obstacle::kOther ? Code::kUnavailable : Code::kNoSpace;
  return Error{
      code, str("cannot keep object ", id.brief(), " in ", printable(directory_), ": ", entry.status.error().message)};
}

DiskCache::Entry DiskCache::put_once(const ObjectId& id, ByteView plain) {
  if (const Status ready = prepare(); !ready) return {ready, Obstacle::kOther};
  if (open_verified(id) != nullptr) return {Done{}, Obstacle::kNone};
  Entry entry = put_behind_gate(id, plain);
  const bool came_from_elsewhere = entry.obstacle == Obstacle::kOther && open_verified(id) != nullptr;
  return came_from_elsewhere ? Entry{Done{}, Obstacle::kNone} : entry;
}

// Room is reserved and used up behind the gate, so that whoever closes it knows that none is reserved.
// Never waits for `lock` there: who holds that may be waiting for the gate.
DiskCache::Entry DiskCache::put_behind_gate(const ObjectId& id, ByteView plain) {
  const auto gate = lock_gate(directory_ + "/gate", LOCK_SH);
  if (!gate) return {gate.error(), Obstacle::kOther};
  const uint64_t needed = blocks_for(plain.size());
  if (!usage()->reserve(needed, quota_bytes_)) return {Error{Code::kNoSpace, "the quota is used up"}, Obstacle::kQuota};
  const Status written = write_object(id, plain);
  if (written) return {Done{}, Obstacle::kNone};
  usage()->release(needed);
  const bool is_full = written.error().code == Code::kNoSpace;
  return {written, is_full ? Obstacle::kFullDisk : Obstacle::kOther};
}

Status DiskCache::write_object(const ObjectId& id, ByteView plain) {
  const std::string temporary = str(directory_, "/tmp/", ::getpid(), ".", next_temporary_++);
  const auto fill = [&]() -> Status {
    const UniqueFd fd = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    TRY(write_all(fd.get(), plain));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return system_error(errno, "cannot look at a new object");
    TRY(move_in(id, temporary));
    const MutexLock lock(mutex_);
    open_files_.set_verified(id, info);
    return Done{};
  };
  const Status filled = fill();
  if (!filled) ::unlink(temporary.c_str());
  return filled;
}

Status DiskCache::move_in(const ObjectId& id, const std::string& temporary) {
  const std::string path = path_of(id);
  if (rename_new(temporary, path) == 0) return Done{};
  if (errno == ENOENT) {
    TRY(make_directories(path.substr(0, path.rfind('/')), 0700));
    if (rename_new(temporary, path) == 0) return Done{};
  }
  return system_error(errno, "cannot rename into place");
}

bool DiskCache::is_paused() const {
  const MutexLock lock(mutex_);
  return degraded_ && SteadyClock::now() < paused_until_;
}

void DiskCache::wake_tender_when_crowded() {
  if (usage() == nullptr || usage()->used_bytes() <= quota_bytes_ / 100 * kCrowdedPercent) return;
  const MutexLock lock(mutex_);
  is_crowded_ = true;
  wake_.notify_all();
}

// One line for each change between working and not.
void DiskCache::note(const Status& outcome) {
  bool changed = false;
  {
    const MutexLock lock(mutex_);
    changed = degraded_ == outcome.has_value();
    degraded_ = !outcome;
    if (degraded_) paused_until_ = SteadyClock::now() + pause_;
  }
  if (!changed) return;
  if (outcome) return log::warn("cache works again", {{"cache", directory_}});
  log::warn("cache degraded", {{"cache", directory_}, {"cause", outcome.error().message}, {"action", "streaming"}});
}

// --- making room

Status DiskCache::evict_for(uint64_t needed_bytes) {
  return evict_down_to(std::min(quota_bytes_ / 100 * kRelaxedPercent, quota_bytes_ - needed_bytes));
}

Status DiskCache::evict_down_to(uint64_t goal_bytes) {
  const FileLock lock = TRY(FileLock::wait(directory_ + "/lock"));
  if (usage()->used_bytes() <= goal_bytes) return Done{};  // somebody else was faster
  touch_used();
  std::vector<Resident> all = residents();
  std::sort(all.begin(), all.end(), [](const Resident& a, const Resident& b) { return a.used_ns < b.used_ns; });
  uint64_t counted = 0;
  for (const Resident& resident : all) counted += resident.disk_bytes;
  const uint64_t used = usage()->used_bytes();
  const uint64_t drift = used > counted ? used - counted : counted - used;
  if (used < counted || drift > std::min(kDriftWorthCounting, quota_bytes_ / 8)) recount(LOCK_EX | LOCK_NB);
  uint64_t evicted = 0;
  const MutexLock pins_lock(pins_mutex_);
  pinned_.refresh();
  for (const Resident& resident : all) {
    if (usage()->used_bytes() <= goal_bytes) break;
    if (pinned_.contains(resident.id)) continue;
    remove_locked(resident.id);
    counters_.evicted_bytes += resident.disk_bytes;
    ++evicted;
  }
  counters_.evictions += evicted;
  usage()->count_eviction();
  return Done{};
}

// Every object, by its file's status; one that goes away meanwhile is left out.
std::vector<DiskCache::Resident> DiskCache::residents() const {
  std::vector<Resident> all;
  for (int folder = 0; folder < 256; ++folder) {
    const auto byte = static_cast<char>(folder);
    const std::string prefix = to_hex({&byte, 1});
    DIR* const directory = ::opendir((directory_ + "/objects/" + prefix).c_str());
    if (directory == nullptr) continue;
    while (const dirent* entry = ::readdir(directory)) {
      const auto id = Digest::parse(prefix + entry->d_name);
      struct stat info {};
      if (!id || ::fstatat(::dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      all.push_back({*id, blocks_for(static_cast<uint64_t>(info.st_size)), access_time_ns(info)});
    }
    ::closedir(directory);
  }
  return all;
}

// By who holds `lock`. With the gate closed no object is on its way in: what lies in tmp/ is left over, and the sum
// of the objects is what is used. Drift counts too much rather than too little, so it is seldom worth waiting for.
void DiskCache::recount(int gate_operation) {
  const auto gate = lock_gate(directory_ + "/gate", gate_operation);
  if (!gate) return;
  std::error_code ignored;
  for (const auto& leftover : std::filesystem::directory_iterator(directory_ + "/tmp", ignored)) {
    ::unlink(leftover.path().c_str());
  }
  uint64_t counted = 0;
  for (const Resident& resident : residents()) counted += resident.disk_bytes;
  usage()->set(counted);
}

// --- the tender: a thread that keeps things in order

void DiskCache::tend() {
  uint64_t seen_evictions = 0;
  for (;;) {
    bool is_crowded = false;
    {
      MutexLock lock(mutex_);
      const auto until = SteadyClock::now() + kTendEvery;
      while (!stopping_ && !is_crowded_ && lock.wait_until(wake_, until)) {
      }
      if (stopping_) return;
      is_crowded = std::exchange(is_crowded_, false);
    }
    if (usage() == nullptr) continue;
    touch_used();
    if (is_crowded) static_cast<void>(evict_for(0));
    if (seen_evictions == usage()->evictions()) continue;
    seen_evictions = usage()->evictions();
    const MutexLock lock(mutex_);
    open_files_.close_removed();
  }
}

void DiskCache::touch_used() {
  std::vector<OpenFiles::File> used;
  {
    const MutexLock lock(mutex_);
    used = open_files_.take_used(SteadyClock::now(), kTouchEvery);
  }
  for (const OpenFiles::File& file : used) touch(file->fd.get());
}

CacheStats DiskCache::stats() const {
  CacheStats stats;
  stats.hits = counters_.hits;
  stats.misses = counters_.misses;
  stats.healed = counters_.healed;
  stats.puts = counters_.puts;
  stats.put_failures = counters_.put_failures;
  stats.evictions = counters_.evictions;
  stats.evicted_bytes = counters_.evicted_bytes;
  stats.used_bytes = usage() != nullptr ? usage()->used_bytes() : 0;
  stats.quota_bytes = quota_bytes_;
  const MutexLock lock(pins_mutex_);
  pinned_.refresh();
  stats.pins = pinned_.pins();
  stats.pinned_bytes = pinned_.bytes();
  stats.damaged_pins = pinned_.damaged().size();
  return stats;
}

}  // namespace granary
