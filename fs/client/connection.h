// Connection: the way to a repository's objects, put together: transports, cache, fetcher. Starts threads: fork before
// it.
#pragma once

#include <memory>
#include <string>

#include "fs/net/fetcher.h"
#include "fs/net/proxy_list.h"
#include "fs/store/cache.h"

namespace granary {

// In place of a cache's directory: there is none, what is read is streamed.
inline constexpr const char* kNoCache = "none";

struct ConnectionOptions {
  std::string url;                          // as repository_url gives it
  std::string repository_name;              // for the log
  std::string cache_directory;              // empty or kNoCache: nothing is kept on disk
  uint64_t quota_bytes = 0;                 // 0: default_quota of the directory
  std::string ca_file{};                    // as HttpOptions
  std::vector<std::string> lower_caches{};  // directories, only read (fs/store/layered_cache.h)
  std::vector<SourceWay> ways{};  // to the repository and its mirrors; empty: to `url`, by the environment's proxies
};

class Connection {
 public:
  //   kBadUrl      not a URL that we can fetch from
  //   kInvalid     the file of certificates has none; the cache directory is one of something else
  //   kPermission  the cache directory is not ours alone
  static Result<std::unique_ptr<Connection>> open(const ConnectionOptions& options);

  Fetcher& fetcher() { return *fetcher_; }
  Cache& cache() { return *cache_; }

 private:
  Connection() = default;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Fetcher> fetcher_;
};

// 4 GiB, but at most half of the disk.
uint64_t default_quota(const std::string& directory);
// /var/cache/granary and /var/lib/granary for root, below XDG_CACHE_HOME (~/.cache) and XDG_STATE_HOME (~/.local/state)
// for users.
std::string default_cache_directory();
std::string default_state_directory();

}  // namespace granary
