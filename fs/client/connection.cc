#include "fs/client/connection.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/store/disk_cache.h"
#include "fs/store/layered_cache.h"

namespace granary {

namespace {
constexpr uint64_t kDefaultQuotaBytes = uint64_t{4} << 30;
constexpr size_t kStreamedBytes = size_t{64}
                                  << 20;  // in memory without a cache: readers, and what is read ahead for them

// Keeps nothing: for a single command, or a mount without a disk. Refusing has the fetcher keep the last few objects in
// memory, so that reading one piece by piece does not fetch it piece by piece.
class NoCache : public Cache {
 public:
  std::optional<ObjectHandle> open(const ObjectId&) override { return std::nullopt; }
  Status put(const ObjectId&, ByteView) override { return Error{Code::kNoSpace, "there is no cache"}; }
  void discard(const ObjectId&) override {}
  bool holds(const ObjectId&) override { return false; }
  CacheStats stats() const override { return {}; }
};

std::string user_directory(const char* variable, const char* below_home) {
  const char* set = std::getenv(variable);
  if (set != nullptr && *set == '/') return std::string(set) + "/granary";
  const char* home = std::getenv("HOME");
  return str(home != nullptr && *home == '/' ? home : "/tmp", "/", below_home, "/granary");
}

Result<std::unique_ptr<Cache>> open_own_cache(const ConnectionOptions& options) {
  if (options.cache_directory.empty() || options.cache_directory == kNoCache)
    return std::unique_ptr<Cache>(std::make_unique<NoCache>());
  DiskCacheOptions disk;
  disk.quota_bytes = options.quota_bytes;
  if (disk.quota_bytes == 0 && make_cache_directory(options.cache_directory))
    disk.quota_bytes = default_quota(options.cache_directory);
  auto cache = DiskCache::open(options.cache_directory, disk);
  if (cache) return std::unique_ptr<Cache>(*std::move(cache));
  const bool is_wrong = cache.error().code == Code::kPermission || cache.error().code == Code::kInvalid;
  if (is_wrong) return cache.error().within("cannot use the cache");
  // Its disk: no reason for a mount to end, or not to begin.
  log::warn("cache unusable", {{"cache", options.cache_directory},
                               {"cause", cache.error().message},
                               {"action", "streaming until it is mounted anew"}});
  return std::unique_ptr<Cache>(std::make_unique<NoCache>());
}

Result<std::unique_ptr<Cache>> open_cache(const ConnectionOptions& options) {
  auto own = TRY(open_own_cache(options));
  if (options.lower_caches.empty()) return own;
  for (const std::string& lower : options.lower_caches) {
    std::error_code missing;
    if (std::filesystem::equivalent(lower, options.cache_directory, missing))
      return Error{Code::kInvalid, "a cache cannot lie below itself: " + printable(lower)};
  }
  return std::unique_ptr<Cache>(std::make_unique<LayeredCache>(std::move(own), options.lower_caches));
}
}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const ConnectionOptions& options) {
  std::unique_ptr<Connection> connection(new Connection);
  HttpOptions http;
  http.ca_file = options.ca_file;
  const auto ways = options.ways.empty() ? TRY(ways_to({options.url}, {})) : options.ways;
  auto transports = TRY(open_sources(ways, http));
  connection->cache_ = TRY(open_cache(options));
  FetcherOptions fetching;
  fetching.repository = options.repository_name;
  fetching.failure_level = log::Level::kDebug;
  if (options.cache_directory == kNoCache) fetching.recent_bytes = kStreamedBytes;
  connection->fetcher_ = std::make_unique<Fetcher>(std::move(transports), *connection->cache_, std::move(fetching));
  return connection;
}

uint64_t default_quota(const std::string& directory) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) return kDefaultQuotaBytes;
  return std::min<uint64_t>(kDefaultQuotaBytes, uint64_t{disk.f_blocks} * disk.f_frsize / 2);
}

std::string default_cache_directory() {
  return ::geteuid() == 0 ? "/var/cache/granary" : user_directory("XDG_CACHE_HOME", ".cache");
}

std::string default_state_directory() {
  return ::geteuid() == 0 ? "/var/lib/granary" : user_directory("XDG_STATE_HOME", ".local/state");
}

}  // namespace granary
