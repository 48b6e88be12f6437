#include "fs/store/disk_cache.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fs/base/crash_point.h"
#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/store/eviction.h"

namespace granary {

namespace {
using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kCrowdedPercent = 90;
constexpr uint64_t kRelaxedPercent = 85;
constexpr int kMostTries = 4;
constexpr size_t kMostComplaints = 1000;
constexpr std::chrono::seconds kTendEvery{5};
constexpr std::chrono::seconds kTouchEvery{60};
constexpr std::chrono::seconds kUnreadableLineEvery{10};
constexpr std::chrono::seconds kLockPatience{2};
constexpr std::chrono::seconds kStartPatience{1};
constexpr std::chrono::milliseconds kStatsPatience{250};

void touch(int fd) {
  const timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  ::futimens(fd, times);  // on a read-only disk it fails, and nothing is evicted there either
}

size_t bounded_by_limits(size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  return std::clamp<size_t>(wanted, 1, std::max<size_t>(1, limit.rlim_cur / 4));
}

void warn_of_large_quota(const std::string& directory, uint64_t quota_bytes) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0 || uint64_t{disk.f_blocks} * disk.f_frsize >= quota_bytes) return;
  log::warn("cache quota larger than its disk", {{"cache", directory},
                                                 {"quota", quota_bytes},
                                                 {"disk", uint64_t{disk.f_blocks} * disk.f_frsize},
                                                 {"action", "evicting when the disk is full"}});
}

Error hanging() { return {Code::kUnavailable, "its disk does not answer"}; }
}  // namespace

Result<std::unique_ptr<DiskCache>> DiskCache::open(const std::string& directory, const DiskCacheOptions& options) {
  auto folder = TRY(CacheFolder::open(directory));
  const Status prepared = folder->prepare();
  const bool is_hopeless = !prepared && prepared.error().code == Code::kPermission;
  if (is_hopeless) return prepared.error().within("cannot use cache " + printable(directory));
  warn_of_large_quota(directory, options.quota_bytes);
  std::unique_ptr<DiskCache> cache(new DiskCache(std::move(folder), options));
  cache->ask_tender([](Errands& errands) { errands.prepare = true; }, kStartPatience);
  return cache;
}

DiskCache::DiskCache(std::unique_ptr<CacheFolder> folder, const DiskCacheOptions& options)
    : quota_bytes_(options.quota_bytes),
      options_(options),
      watch_(std::make_shared<DiskWatch>(options.hang_after)),
      pinned_(folder->path()),
      folder_(std::move(folder)),
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

DiskCache::Folder DiskCache::folder() const {
  const MutexLock lock(mutex_);
  return folder_;
}

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

bool DiskCache::holds(const ObjectId& id) {
  const auto watched = watch_->begin();
  return watched && folder()->holds(id);
}

OpenFiles::File DiskCache::open_verified(const ObjectId& id) {
  const auto watched = watch_->begin();
  if (!watched) return nullptr;
  const Folder folder = this->folder();
  auto found = folder->find(id);
  if (!found) {
    if (found.error().code == Code::kCorrupt) remove_damaged(*folder, id, 0, Verdict::kDamaged);
    return nullptr;
  }
  auto file = std::make_shared<ObjectHandle::File>();
  file->fd = std::move(found->fd);
  file->size_bytes = static_cast<uint64_t>(found->info.st_size);
  file->watch = watch_;
  bool is_verified = false;
  {
    const MutexLock lock(mutex_);
    is_verified = open_files_.is_verified(id, found->info);
  }
  if (!is_verified) {
    const Verdict verdict = verify(id, *file);
    if (verdict != Verdict::kGood) return remove_damaged(*folder, id, found->info.st_ino, verdict), nullptr;
  }
  std::vector<OpenFiles::File> gone;
  {
    const MutexLock lock(mutex_);
    open_files_.set_verified(id, found->info);
    gone = open_files_.add(id, file, SteadyClock::now());
  }
  for (const OpenFiles::File& each : gone) {
    if (each && each != file) touch(each->fd.get());  // the tender sees it no more
  }
  return file;
}

DiskCache::Verdict DiskCache::verify(const ObjectId& id, const ObjectHandle::File& file) const {
  if (file.size_bytes > kMaxObjectBytes) return Verdict::kDamaged;
  constexpr uint64_t kPieceBytes = 256 * 1024;
  Sha256 hash;
  for (uint64_t offset = 0; offset < file.size_bytes; offset += kPieceBytes) {
    const auto piece = read_at(file.fd.get(), static_cast<off_t>(offset), kPieceBytes);
    if (!piece) return Verdict::kUnreadable;
    hash.update(*piece);
  }
  return hash.finish() == id ? Verdict::kGood : Verdict::kDamaged;
}

// On a disk that refuses it stays, and is a miss again and again.
void DiskCache::remove_damaged(CacheFolder& folder, const ObjectId& id, ino_t inode, Verdict verdict) {
  const auto removed = folder.remove(id, inode);
  const bool was_faster = !removed && removed.error().code == Code::kNotFound;
  if (was_faster) return;  // another reader met it too
  if (verdict == Verdict::kUnreadable) return tell_unreadable(id);
  if (!removed && !is_first_complaint(id)) return;
  if (removed) ++counters_.healed;
  log::warn("cache object damaged",
            {{"cache", folder.path()}, {"object", id}, {"action", removed ? "removed" : "fetched anew each time"}});
}

bool DiskCache::is_first_complaint(const ObjectId& id) {
  const MutexLock lock(mutex_);
  return complained_.size() < kMostComplaints && complained_.insert(id).second;
}

// A dying disk has many of them.
void DiskCache::tell_unreadable(const ObjectId& id) {
  const auto now = SteadyClock::now();
  {
    const MutexLock lock(mutex_);
    if (now < next_unreadable_line_) return;
    next_unreadable_line_ = now + kUnreadableLineEvery;
  }
  log::warn("cache object unreadable", {{"cache", folder()->path()}, {"object", id}, {"action", "fetched anew"}});
}

void DiskCache::discard(const ObjectId& id) {
  OpenFiles::File gone;
  {
    const MutexLock lock(mutex_);
    gone = open_files_.forget(id);
  }
  const auto watched = watch_->begin();
  if (!watched) return;
  if (gone) tell_unreadable(id);
  static_cast<void>(folder()->remove(id));
}

// --- taking in

Status DiskCache::put(const ObjectId& id, ByteView plain) {
  const Status outcome = put_with_room(id, plain);
  ++(outcome ? counters_.puts : counters_.put_failures);
  return outcome;
}

Status DiskCache::put_with_room(const ObjectId& id, ByteView plain) {
  const uint64_t needed = folder()->charge_of(plain.size());
  if (needed > quota_bytes_) return Error{Code::kNoSpace, str("object ", id, " is larger than the whole cache")};
  if (is_paused()) return Error{Code::kUnavailable, "the cache takes nothing in for a moment"};
  const auto deadline = SteadyClock::now() + options_.room_patience;
  Entry entry = put_once(id, plain);
  for (int tries = 0; entry.obstacle != Obstacle::kNone && entry.obstacle != Obstacle::kOther; ++tries) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
    const Obstacle obstacle = entry.obstacle;
    // Whoever fills the disk takes what is freed, too; a directory that cannot be prepared stays so for a while.
    const int most_tries = obstacle == Obstacle::kQuota ? kMostTries : 1;
    if (tries >= most_tries || left.count() <= 0) break;
    const bool done = ask_tender(
        [&](Errands& errands) {
          if (obstacle == Obstacle::kUnprepared) errands.prepare = true;
          if (obstacle == Obstacle::kQuota) errands.room_bytes += 2 * needed;
          if (obstacle == Obstacle::kFullDisk) errands.disk_bytes += 2 * needed;
        },
        left);
    if (!done) break;
    entry = put_once(id, plain);  // others may have been faster to use the room
  }
  if (entry.obstacle != Obstacle::kQuota) note(entry.status);
  if (entry.status) return Done{};
  const bool is_full = entry.obstacle == Obstacle::kQuota || entry.obstacle == Obstacle::kFullDisk;
  return Error{
      is_full ? Code::kNoSpace : Code::kUnavailable,
      str("cannot keep object ", id.brief(), " in ", printable(folder()->path()), ": ", entry.status.error().message)};
}

DiskCache::Entry DiskCache::put_once(const ObjectId& id, ByteView plain) {
  const auto watched = watch_->begin();
  if (!watched) return {hanging(), Obstacle::kOther};
  if (!is_prepared_) return {Error{Code::kUnavailable, "it is not ready"}, Obstacle::kUnprepared};
  if (open_verified(id) != nullptr) return {Done{}, Obstacle::kNone};
  const Folder folder = this->folder();
  Entry entry = write_object(*folder, id, plain, folder->room_for(id, plain.size()));
  const bool is_in_the_way = !entry.status && entry.status.error().code == Code::kConflict;
  if (!is_in_the_way) return entry;
  if (open_verified(id) != nullptr)
    return {Done{}, Obstacle::kNone};  // it came from elsewhere; what is bad is gone now
  return write_object(*folder, id, plain, folder->room_for(id, plain.size()));
}

DiskCache::Entry DiskCache::write_object(CacheFolder& folder, const ObjectId& id, ByteView plain, uint64_t room_bytes) {
  const auto failed = [](const Error& error) {
    const bool is_gone = error.code == Code::kNotFound || error.code == Code::kCorrupt;
    if (is_gone) return Entry{error, Obstacle::kUnprepared};
    return Entry{error, error.code == Code::kNoSpace ? Obstacle::kFullDisk : Obstacle::kOther};
  };
  const auto temporary = folder.make_temporary(room_bytes);
  if (!temporary) return failed(temporary.error());
  crash_point("cache-after-temporary");
  const auto reserved = folder.usage().reserve(room_bytes, quota_bytes_);
  if (!reserved || !reserved->fits) {
    folder.drop_temporary(*temporary);
    if (!reserved) return failed(reserved.error());
    return {Error{Code::kNoSpace, "the quota is used up"}, Obstacle::kQuota};
  }
  crash_point("cache-after-reserve");
  const Status filled = fill(folder, id, plain, *temporary, room_bytes);
  if (filled) return saw(reserved->numbers), Entry{Done{}, Obstacle::kNone};
  static_cast<void>(folder.usage().release(room_bytes));
  folder.drop_temporary(*temporary);
  return failed(filled.error());
}

Status DiskCache::fill(CacheFolder& folder, const ObjectId& id, ByteView plain, const CacheFolder::Temporary& temporary,
                       uint64_t room_bytes) {
  TRY(write_all(temporary.fd.get(), plain));
  crash_point("cache-after-write");
  struct stat info {};
  if (::fstat(temporary.fd.get(), &info) != 0) return system_error(errno, "cannot look at a new object");
  TRY(folder.move_in(id, temporary, room_bytes));
  crash_point("cache-after-move");
  const MutexLock lock(mutex_);
  open_files_.set_verified(id, info);
  return Done{};
}

bool DiskCache::is_paused() const {
  const MutexLock lock(mutex_);
  return degraded_ && SteadyClock::now() < paused_until_;
}

void DiskCache::saw(const SharedUsage::Numbers& numbers) {
  seen_.used_bytes = numbers.used_bytes;
  const bool is_crowded = numbers.used_bytes > quota_bytes_ / 100 * kCrowdedPercent;
  if (!is_crowded || seen_.is_crowded.exchange(true)) return;
  const MutexLock lock(mutex_);
  wish_.room_bytes = std::max<uint64_t>(wish_.room_bytes, 1);
  is_wished_ = true;
  wake_.notify_all();
}

// One line for each change between working and not.
void DiskCache::note(const Status& outcome) {
  bool changed = false;
  {
    const MutexLock lock(mutex_);
    changed = degraded_ == outcome.has_value();
    degraded_ = !outcome;
    if (degraded_) paused_until_ = SteadyClock::now() + options_.pause_after_failure;
  }
  if (!changed) return;
  const std::string path = folder()->path();
  if (outcome) return log::warn("cache works again", {{"cache", path}});
  log::warn("cache degraded", {{"cache", path}, {"cause", outcome.error().message}, {"action", "streaming"}});
}

// --- the tender: a thread that keeps things in order, and the only one that waits for the disk on behalf of others

bool DiskCache::ask_tender(const std::function<void(Errands&)>& what, std::chrono::milliseconds patience) const {
  const auto deadline = SteadyClock::now() + patience;
  MutexLock lock(mutex_);
  what(wish_);
  is_wished_ = true;
  const uint64_t mine = rounds_begun_ + 1;
  wake_.notify_all();
  while (rounds_done_ < mine && !stopping_) {
    if (!lock.wait_until(round_done_, deadline)) return rounds_done_ >= mine;
  }
  return rounds_done_ >= mine;
}

void DiskCache::tend() {
  next_look_around_ = SteadyClock::now() + kTendEvery;
  for (;;) {
    const Errands errands = next_errands();
    {
      const MutexLock lock(mutex_);
      if (stopping_) break;
    }
    run(errands);
    const MutexLock lock(mutex_);
    ++rounds_done_;
    round_done_.notify_all();
  }
  touch_used(std::chrono::seconds(0));
}

DiskCache::Errands DiskCache::next_errands() {
  MutexLock lock(mutex_);
  while (!stopping_ && !is_wished_ && lock.wait_until(wake_, next_look_around_)) {
  }
  Errands errands = std::exchange(wish_, Errands{});
  is_wished_ = false;
  ++rounds_begun_;
  errands.is_regular = SteadyClock::now() >= next_look_around_;
  if (errands.is_regular) next_look_around_ = SteadyClock::now() + kTendEvery;
  return errands;
}

void DiskCache::run(const Errands& errands) {
  if (watch_->hangs()) return;  // what hangs is not ours: we are here
  watch_->close_buried();
  if (errands.is_regular || errands.prepare) take_place();
  const Folder folder = this->folder();
  if (errands.prepare) {
    const Status prepared = prepare(*folder);
    is_prepared_ = prepared.has_value();
    if (!prepared) note(prepared);
  }
  if (errands.is_regular || errands.look) look(*folder);
  if (errands.is_regular) touch_used(kTouchEvery);
  if (errands.is_regular) let_go_of_removed();
  if (!is_prepared_) return;
  if (errands.room_bytes > 0 || seen_.is_crowded) {
    const uint64_t relaxed = quota_bytes_ / 100 * kRelaxedPercent;
    evict(*folder, std::min(relaxed, quota_bytes_ - std::min(quota_bytes_, errands.room_bytes)));
  }
  if (errands.disk_bytes > 0) {
    const auto numbers = folder->usage().read();
    const uint64_t used = numbers ? numbers->used_bytes : 0;
    if (used > 0) evict(*folder, std::min(used - std::min(used, errands.disk_bytes), used / 8 * 7));
  }
}

// The directory may have been replaced, or its disk mounted over it or away: what is there now is used from here on.
void DiskCache::take_place() {
  const auto watched = watch_->begin();
  const Folder before = folder();
  if (!watched || before->is_in_place()) return;
  auto now = CacheFolder::open(before->path());
  if (!now) return note(now.error());
  log::warn("cache directory replaced", {{"cache", before->path()}, {"action", "using what is there now"}});
  std::vector<OpenFiles::Named> gone;  // after the lock
  const MutexLock lock(mutex_);
  folder_ = std::move(*now);
  gone = open_files_.forget_all();
  is_prepared_ = false;
}

Status DiskCache::prepare(CacheFolder& folder) {
  {
    const auto watched = watch_->begin();
    if (!watched) return hanging();
    TRY(folder.prepare());
  }
  // Counted anew when the numbers are lost, and after somebody was killed half-way.
  const auto numbers = folder.usage().read();
  const uint64_t leftovers = folder.clear_leftovers();
  if (numbers && leftovers == 0) return saw(*numbers), Done{};
  std::optional<DiskWatch::Operation> watched;
  const auto scan = TRY(folder.scan([&] {
    watched.reset();
    auto next = watch_->begin();
    if (next) watched.emplace(std::move(*next));
    const MutexLock lock(mutex_);
    return !stopping_;
  }));
  log::debug("cache counted anew", {{"cache", folder.path()}, {"leftovers", leftovers + scan.cleared}});
  saw({scan.charge_bytes, 0, 0});
  return Done{};
}

void DiskCache::look(CacheFolder& folder) {
  const auto watched = watch_->begin();
  if (!watched) return;
  if (const auto numbers = folder.usage().read()) {
    seen_.used_bytes = numbers->used_bytes;
  } else if (numbers.error().code == Code::kCorrupt) {
    is_prepared_ = false;  // somebody removed or damaged it: counted anew, now or at the next put
  }
  pinned_.refresh();
  seen_.pins = pinned_.pins();
  seen_.pinned_bytes = pinned_.bytes();
  seen_.damaged_pins = pinned_.damaged().size();
}

void DiskCache::evict(CacheFolder& folder, uint64_t goal_bytes) {
  touch_used(std::chrono::seconds(0));
  std::optional<DiskWatch::Operation> watched;
  const auto evicted = evict_down_to(folder, pinned_, goal_bytes, kLockPatience, [&] {
    watched.reset();
    auto next = watch_->begin();
    if (next) watched.emplace(std::move(*next));
    const MutexLock lock(mutex_);
    return !stopping_;
  });
  seen_.is_crowded = false;
  if (!evicted) return;
  let_go_of_removed();  // their room is free only then
  counters_.evictions += evicted->objects;
  counters_.evicted_bytes += evicted->bytes;
  seen_.used_bytes = evicted->used_bytes;
}

void DiskCache::touch_used(std::chrono::seconds told_before) {
  std::vector<OpenFiles::File> used;
  {
    const MutexLock lock(mutex_);
    used = open_files_.take_used(SteadyClock::now(), told_before);
  }
  for (const OpenFiles::File& file : used) {
    const auto watched = watch_->begin();
    if (watched) touch(file->fd.get());
  }
}

// What others removed: their room is free only when nobody has it open.
void DiskCache::let_go_of_removed() {
  const auto watched = watch_->begin();
  const auto numbers = watched ? folder()->usage().read() : Result<SharedUsage::Numbers>(hanging());
  if (!numbers || numbers->removals == seen_removals_) return;
  seen_removals_ = numbers->removals;
  std::vector<OpenFiles::Named> open;
  {
    const MutexLock lock(mutex_);
    open = open_files_.all();
  }
  for (const OpenFiles::Named& each : open) {
    struct stat info {};
    const bool is_removed = ::fstat(each.file->fd.get(), &info) == 0 && info.st_nlink == 0;
    if (!is_removed) continue;
    OpenFiles::File gone;  // after the lock
    const MutexLock lock(mutex_);
    gone = open_files_.close(each);
  }
}

CacheStats DiskCache::stats() const {
  if (!watch_->hangs()) ask_tender([](Errands& errands) { errands.look = true; }, kStatsPatience);
  CacheStats stats;
  stats.hits = counters_.hits;
  stats.misses = counters_.misses;
  stats.healed = counters_.healed;
  stats.puts = counters_.puts;
  stats.put_failures = counters_.put_failures;
  stats.evictions = counters_.evictions;
  stats.evicted_bytes = counters_.evicted_bytes;
  stats.used_bytes = seen_.used_bytes;
  stats.quota_bytes = quota_bytes_;
  stats.pins = seen_.pins;
  stats.pinned_bytes = seen_.pinned_bytes;
  stats.damaged_pins = seen_.damaged_pins;
  return stats;
}

}  // namespace granary
