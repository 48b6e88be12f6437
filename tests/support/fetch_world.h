// FetchWorld: a snapshot in a store, a transport that can hold objects back, and a cache on the disk: for tests of what
// fetches whole trees.
#pragma once

#include "fs/base/log.h"
#include "fs/net/fetcher.h"
#include "fs/store/disk_cache.h"
#include "tests/support/changes.h"
#include "tests/support/store_transport.h"

namespace granary {

class FetchWorld {
 public:
  explicit FetchWorld(uint64_t quota_bytes = uint64_t{1} << 30) { open(quota_bytes); }

  // As another process would find the cache.
  void open(uint64_t quota_bytes) {
    fetcher.reset();
    cache.reset();
    DiskCacheOptions disk;
    disk.quota_bytes = quota_bytes;
    cache = DiskCache::open(cache_directory(), disk).value();
    auto source = std::make_unique<StoreTransport>(catalogs.objects.store);
    transport = source.get();
    std::vector<std::unique_ptr<Transport>> sources;
    sources.push_back(std::move(source));
    FetcherOptions options;
    options.rounds = 1;
    options.failure_memory = std::chrono::milliseconds(0);
    options.failure_level = log::Level::kDebug;
    fetcher = std::make_unique<Fetcher>(std::move(sources), *cache, options);
  }

  // A file whose bytes lie in the store.
  Change file(ByteView path, const Bytes& content) {
    EXPECT_TRUE(catalogs.objects.writer.write(content));
    return put_file(path, content);
  }
  CatalogId publish(std::vector<Change> changes) { return catalogs.publish(std::move(changes)).catalog; }
  std::string cache_directory() const { return directory.path() + "/cache"; }

  TemporaryDirectory directory = TemporaryDirectory::make().value();
  CatalogWorld catalogs;
  std::unique_ptr<DiskCache> cache;
  StoreTransport* transport = nullptr;
  std::unique_ptr<Fetcher> fetcher;
};

}  // namespace granary
