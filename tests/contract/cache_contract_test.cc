// What every Cache promises, whatever stands behind it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "fs/base/file.h"
#include "fs/store/disk_cache.h"
#include "fs/store/layered_cache.h"
#include "tests/support/mem_cache.h"

namespace granary {
namespace {

class DiskWorld : public Cache {
 public:
  std::optional<ObjectHandle> open(const ObjectId& id) override { return cache_->open(id); }
  Status put(const ObjectId& id, ByteView plain) override { return cache_->put(id, plain); }
  void discard(const ObjectId& id) override { cache_->discard(id); }
  bool holds(const ObjectId& id) override { return cache_->holds(id); }
  CacheStats stats() const override { return cache_->stats(); }

 private:
  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  std::unique_ptr<DiskCache> cache_ = DiskCache::open(directory_.path() + "/cache").value();
};

// With an empty one below, and one that is not there.
class LayeredWorld : public Cache {
 public:
  std::optional<ObjectHandle> open(const ObjectId& id) override { return cache_->open(id); }
  Status put(const ObjectId& id, ByteView plain) override { return cache_->put(id, plain); }
  void discard(const ObjectId& id) override { cache_->discard(id); }
  bool holds(const ObjectId& id) override { return cache_->holds(id); }
  CacheStats stats() const override { return cache_->stats(); }

 private:
  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  std::unique_ptr<DiskCache> lower_ = DiskCache::open(directory_.path() + "/lower").value();
  std::unique_ptr<Cache> cache_ = std::make_unique<LayeredCache>(
      DiskCache::open(directory_.path() + "/cache").value(),
      std::vector<std::string>{directory_.path() + "/lower", directory_.path() + "/missing"});
};

using MakeCache = std::unique_ptr<Cache> (*)();

class CacheContract : public testing::TestWithParam<MakeCache> {
 protected:
  ObjectId keep(const Bytes& plain) {
    const ObjectId id = ObjectId::of(plain);
    EXPECT_TRUE(cache_->put(id, plain));
    return id;
  }
  const std::unique_ptr<Cache> cache_ = GetParam()();
};

TEST_P(CacheContract, WhatGoesInComesOut) {
  for (const Bytes& plain : {Bytes(), Bytes("hello"), Bytes("\0\xff\n", 3), Bytes(3'000'000, 'g')}) {
    const auto id = keep(plain);
    const auto hit = cache_->open(id);
    ASSERT_TRUE(hit);
    EXPECT_EQ(hit->size_bytes(), plain.size());
    EXPECT_EQ(**hit->whole(), plain);
  }
}

TEST_P(CacheContract, AGlanceTellsWhatItHoldsAndCountsAsNoUse) {
  const auto id = keep("hello");
  EXPECT_TRUE(cache_->holds(id));
  EXPECT_FALSE(cache_->holds(ObjectId::of("nobody")));
  EXPECT_EQ(cache_->stats().hits, 0u);
  EXPECT_EQ(cache_->stats().misses, 0u);
}

TEST_P(CacheContract, WhatWasNotPutIsAMiss) {
  EXPECT_FALSE(cache_->open(ObjectId::of("nobody")));
  EXPECT_EQ(cache_->stats().misses, 1u);
  EXPECT_EQ(cache_->stats().hits, 0u);
}

TEST_P(CacheContract, RangesAreCutAtTheEnd) {
  const auto hit = cache_->open(keep("0123456789"));
  ASSERT_TRUE(hit);
  EXPECT_EQ(*hit->range(0, 3), "012");
  EXPECT_EQ(*hit->range(7, 100), "789");
  EXPECT_EQ(*hit->range(10, 1), "");
  EXPECT_EQ(*hit->range(1'000'000, 1), "");
}

TEST_P(CacheContract, PuttingTwiceIsFine) {
  const auto id = keep("hello");
  const uint64_t used = cache_->stats().used_bytes;
  keep("hello");
  EXPECT_EQ(cache_->stats().used_bytes, used);
  EXPECT_EQ(**cache_->open(id)->whole(), "hello");
}

TEST_P(CacheContract, ADiscardedObjectIsAMissAndItsHandleGoesOn) {
  const auto id = keep("hello");
  const auto hit = cache_->open(id);
  cache_->discard(id);
  EXPECT_FALSE(cache_->open(id));
  EXPECT_EQ(**hit->whole(), "hello");
  keep("hello");
  EXPECT_TRUE(cache_->open(id));
  cache_->discard(ObjectId::of("nobody"));
}

TEST_P(CacheContract, ManyThreadsMayReadAndWrite) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const Bytes plain = str("object ", (i * 3 + t) % 100) + Bytes(1000, 'g');
        const auto id = ObjectId::of(plain);
        const auto hit = cache_->open(id);
        if (hit && **hit->whole() != plain) ++wrong;
        if (!hit && !cache_->put(id, plain)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(MemCache, CacheContract, testing::Values([] { return std::unique_ptr<Cache>(new MemCache); }));
INSTANTIATE_TEST_SUITE_P(DiskCache, CacheContract,
                         testing::Values([] { return std::unique_ptr<Cache>(new DiskWorld); }));

INSTANTIATE_TEST_SUITE_P(LayeredCache, CacheContract,
                         testing::Values([] { return std::unique_ptr<Cache>(new LayeredWorld); }));

}  // namespace
}  // namespace granary
