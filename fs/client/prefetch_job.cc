#include "fs/client/prefetch_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fs/base/log.h"

namespace granary {

namespace {
constexpr size_t kWindow = 32;
// A cache begins to evict above 90 % of its quota, down to 85 %: what is larger would not stay.
constexpr uint64_t kUsablePercent = 85;
constexpr uint64_t kPinnablePercent = 80;
constexpr size_t kNamed = 20;
constexpr int kTries = 3;
// A catalog this small is fetched whole, as mounts do.
constexpr uint64_t kSmallCatalogEntries = 10'000;

std::string megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

// The quota, in the form of --quota, of which `percent` have room for so much.
std::string quota_for(uint64_t bytes, uint64_t percent) { return str((bytes / percent * 100 >> 20) + 1, "M"); }

uint64_t disk_bytes_of(const std::vector<WalkedObject>& objects) {
  uint64_t sum = 0;
  for (const WalkedObject& object : objects) sum += blocks_for(object.size_bytes);
  return sum;
}

uint64_t bytes_of(const std::vector<WalkedObject>& objects) {
  uint64_t sum = 0;
  for (const WalkedObject& object : objects) sum += object.size_bytes;
  return sum;
}
}  // namespace

const char* PrefetchJob::name_of(Step step) {
  switch (step) {
    case Step::kListing: return "listing";
    case Step::kFetching: return "fetching";
    case Step::kPinning: return "pinning";
    case Step::kDone: return "done";
    case Step::kFailed: return "failed";
  }
  return "failed";
}

std::string PrefetchJob::Progress::json() const {
  using Json = nlohmann::ordered_json;
  Json failure;
  if (error) failure = {{"code", static_cast<int>(error->code)}, {"message", printable(error->message)}};
  return Json{{"step", name_of(step)},
              {"objects", {{"total", objects_total}, {"done", objects_done}, {"failed", objects_failed}}},
              {"bytes", {{"total", std::max(bytes_total, bytes_done)}, {"done", bytes_done}}},
              {"missing", missing},
              {"error", failure}}
      .dump();
}

PrefetchJob::PrefetchJob(What what, Fetcher& fetcher, Cache& cache)
    : what_(std::move(what)), cache_(cache), fetching_(fetcher, Priority::kPrefetch, kWindow) {}

Status PrefetchJob::run() {
  Status worked = work();
  if (!worked && fetching_.stopped()) worked = Error{Code::kUnavailable, "stopped: what has arrived stays"};
  const MutexLock lock(mutex_);
  progress_.step = worked ? Step::kDone : Step::kFailed;
  if (!worked) progress_.error = worked.error();
  return worked;
}

Status PrefetchJob::work() {
  std::vector<WalkedObject> objects = TRY(list());
  TRY(check_room(objects));
  if (!what_.pin_in.empty()) TRY(check_pinnable(objects));
  {
    const MutexLock lock(mutex_);
    progress_.objects_total = objects.size();
    progress_.bytes_total = bytes_of(objects);
    const FetchJob::Progress so_far = fetching_.progress();
    listed_objects_ = so_far.done;
    listed_bytes_ = so_far.bytes;
  }
  show(Step::kFetching);
  TRY(fetch(objects));
  return what_.pin_in.empty() ? Status(Done{}) : pin(objects);
}

Result<std::vector<WalkedObject>> PrefetchJob::list() {
  noting_ = std::make_unique<NotingReader>(fetching_);
  catalog_ = TRY(Catalog::open(what_.catalog, *noting_));
  const auto go_on = [this] { return !fetching_.stopped(); };
  const Entry top = TRY_WITHIN("cannot find " + printable("/" + what_.path), catalog_->resolve(what_.path));
  const bool is_whole = what_.path.empty() || TRY(catalog_->entry_count()) <= kSmallCatalogEntries;
  std::vector<WalkedObject> objects;
  if (is_whole) {
    objects = TRY(list_whole(*catalog_));
  } else {
    TRY(touch_index(*catalog_, top, go_on));
  }
  const auto data = TRY(walk_data(*catalog_, top, go_on));
  if (!is_whole) {
    for (const auto& noted : noting_->take()) objects.push_back({noted.id, noted.size_bytes, 0});
  }
  if (!what_.snapshot.is_none()) objects.insert(objects.begin(), {what_.snapshot, 0, 0});
  objects.insert(objects.end(), data.begin(), data.end());
  return objects;
}

// The whole catalog, many parts at a time. What is missing of it is told of when the walk needs it.
Result<std::vector<WalkedObject>> PrefetchJob::list_whole(Catalog& catalog) {
  std::vector<WalkedObject> objects = TRY(walk_catalog(catalog));
  TRY(check_room(objects));
  {
    const MutexLock lock(mutex_);
    progress_.objects_total = objects.size();
  }
  static_cast<void>(fetching_.fetch(objects));
  return objects;
}

Status PrefetchJob::check_room(const std::vector<WalkedObject>& objects) const {
  const CacheStats stats = cache_.stats();
  if (stats.quota_bytes == 0) return Done{};
  const uint64_t needed = disk_bytes_of(objects);
  const uint64_t percent = what_.pin_in.empty() ? kUsablePercent : kPinnablePercent;
  const uint64_t room = stats.quota_bytes / 100 * percent;
  if (needed <= room) return Done{};
  return Error{Code::kNoSpace,
               str("/", printable(what_.path), " takes ", megabytes(needed), ", but of the cache's quota of ",
                   megabytes(stats.quota_bytes), " it may have ", percent,
                   " %: take a part of it, or mount with --quota ", quota_for(needed, percent), " or more")};
}

Status PrefetchJob::fetch(std::vector<WalkedObject>& objects) {
  const auto missing = fetching_.fetch(objects);
  if (fetching_.stopped()) return Error{Code::kUnavailable, "stopped"};
  if (!missing.empty()) return describe(missing);
  return fetch_what_is_missing(objects);
}

// What has arrived is in the cache a moment later; what is not may have been evicted, or the disk refused it.
Status PrefetchJob::fetch_what_is_missing(std::vector<WalkedObject>& objects) {
  std::vector<WalkedObject> lost;
  for (int tries = 0; tries < kTries; ++tries) {
    lost.clear();
    std::copy_if(objects.begin(), objects.end(), std::back_inserter(lost),
                 [this](const WalkedObject& object) { return !cache_.holds(object.id); });
    if (lost.empty()) return Done{};
    if (!fetching_.pause(std::chrono::milliseconds(50 << (2 * tries)))) return Error{Code::kUnavailable, "stopped"};
    if (const auto missing = fetching_.fetch(lost); !missing.empty()) return describe(missing);
  }
  std::erase_if(lost, [this](const WalkedObject& object) { return cache_.holds(object.id); });
  if (lost.empty() || cache_.stats().quota_bytes == 0) return Done{};
  std::vector<FetchJob::Missing> missing;
  for (const WalkedObject& object : lost)
    missing.push_back({object, Error{Code::kNoSpace, "the cache did not keep it"}});
  return describe(missing);
}

Status PrefetchJob::pin(std::vector<WalkedObject>& objects) {
  show(Step::kPinning);
  TRY(check_pinnable(objects));  // now that sizes are known
  Pin pin{what_.repository, what_.snapshot, what_.path, Clock::system().now(), {}};
  for (const WalkedObject& object : objects) pin.objects.push_back({object.id, object.size_bytes});
  TRY(PinBook(what_.pin_in).write(pin));
  return fetch_what_is_missing(objects);  // evicted before it was pinned
}

// Of all pins together, with this one.
Status PrefetchJob::check_pinnable(const std::vector<WalkedObject>& objects) const {
  std::unordered_map<ObjectId, uint64_t> all;
  for (const WalkedObject& object : objects) all[object.id] = object.size_bytes;
  const PinBook::Contents others = TRY(PinBook(what_.pin_in).read());
  for (const Pin& other : others.pins) {
    for (const PinnedObject& object : other.objects) all.emplace(object.id, object.size_bytes);
  }
  uint64_t needed = 0;
  for (const auto& [id, size_bytes] : all) needed += blocks_for(size_bytes);
  const uint64_t quota = cache_.stats().quota_bytes;
  if (needed <= quota / 100 * kPinnablePercent) return Done{};
  return Error{Code::kNoSpace,
               str("cannot pin /", printable(what_.path), ": with it ", megabytes(needed),
                   " would be pinned, more than ", kPinnablePercent, " % of the cache's quota of ", megabytes(quota),
                   ": unpin something, or mount with --quota ", quota_for(needed, kPinnablePercent), " or more")};
}

// The worst of it as the error, and the first paths in `missing`.
Error PrefetchJob::describe(const std::vector<FetchJob::Missing>& missing) {
  std::vector<std::string> named;
  for (const FetchJob::Missing& each : missing) {
    if (named.size() < kNamed) named.push_back(str(path_of(each.object), ": ", each.error.message));
  }
  const std::string first = named.front();
  const MutexLock lock(mutex_);
  progress_.missing = std::move(named);
  progress_.objects_failed = missing.size();
  const Code code = missing.front().error.code == Code::kNotFound ? Code::kUnavailable : missing.front().error.code;
  return {code, str(missing.size(), missing.size() == 1 ? " object" : " objects", " could not be had: ", first,
                    missing.size() > 1 ? " …" : "")};
}

std::string PrefetchJob::path_of(const WalkedObject& object) {
  if (object.inode == 0) return "the catalog";
  const auto file = catalog_->by_inode(object.inode);
  const auto directory = file ? catalog_->path_of(file->parent) : Result<Bytes>(file.error());
  if (!directory) return str("inode ", object.inode);
  return printable("/" + (directory->empty() ? "" : *directory + "/") + file->name);
}

void PrefetchJob::show(Step step) {
  const MutexLock lock(mutex_);
  progress_.step = step;
}

PrefetchJob::Progress PrefetchJob::progress() const {
  const FetchJob::Progress now = fetching_.progress();
  const MutexLock lock(mutex_);
  Progress out = progress_;
  out.objects_done = std::min(now.done - std::min(now.done, listed_objects_), out.objects_total);
  out.bytes_done = now.bytes - std::min(now.bytes, listed_bytes_);
  if (out.step == Step::kListing) out.objects_failed = 0;
  return out;
}

}  // namespace granary
