#include "fs/client/read_ahead.h"

#include <gtest/gtest.h>

#include "tests/support/changes.h"
#include "tests/support/mem_cache.h"
#include "tests/support/store_transport.h"
#include "tests/support/test_repo.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

// A tree in which every small file is an object, and large ones are cut into four.
class ReadAheadTest : public testing::Test {
 protected:
  static constexpr size_t kChunkBytes = 100'000;

  void add_small(const std::string& path) {
    const Bytes content = "content of " + path;
    ASSERT_TRUE(world_.objects.writer.write(content));
    changes_.push_back(put_file(path, content));
  }
  void add_large(const std::string& path, size_t chunks = 4) {
    Bytes whole;
    std::vector<Slice> slices;
    for (size_t i = 0; i < chunks; ++i) {
      const Bytes chunk = random_text(static_cast<unsigned>(std::hash<std::string>()(path) + i), kChunkBytes);
      slices.push_back({*world_.objects.writer.write(chunk), 0, chunk.size()});
      whole += chunk;
    }
    Change change = put_file(path, whole);
    change.slices = slices;
    changes_.push_back(change);
  }
  void mount() {
    catalog_ = world_.open(world_.publish(std::move(changes_)).catalog);
    world_.objects.store.forget_reads();
    std::vector<std::unique_ptr<Transport>> sources;
    sources.push_back(std::make_unique<StoreTransport>(world_.objects.store));
    fetcher_ = std::make_unique<Fetcher>(std::move(sources), cache_, FetcherOptions{});
    read_ahead_ = std::make_unique<ReadAhead>(*catalog_, *fetcher_);
  }

  void touch(ByteView path, uint64_t offset = 0, uint64_t size = 1 << 20) {
    const Row file = std::make_shared<const Entry>(*catalog_->resolve(path));
    size = std::min(size, file->node.size_bytes - offset);
    read_ahead_->touched(file, offset, size, *catalog_->slices(*file, offset, size));
  }
  bool is_fetched(ByteView path, size_t chunk = 0) {
    const Entry entry = *catalog_->resolve(path);
    const auto slices = *catalog_->slices(entry, 0, entry.node.size_bytes);
    return world_.objects.store.reads_of(slices[chunk].slice.object) > 0;
  }
  bool comes(ByteView path, size_t chunk = 0) {
    return eventually([&] { return is_fetched(path, chunk); });
  }

  CatalogWorld world_;
  std::vector<Change> changes_;
  std::unique_ptr<Catalog> catalog_;
  MemCache cache_;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<ReadAhead> read_ahead_;
};

TEST_F(ReadAheadTest, AWalkIsFollowedAcrossDirectoriesAndFurtherTheFurtherItGoes) {
  for (const char directory : {'a', 'b', 'c'}) {
    changes_.push_back(put_directory(std::string(1, directory)));
    for (int i = 10; i < 50; ++i) add_small(str(directory, "/", i));
  }
  mount();
  for (int i = 36; i < 39; ++i) touch(str("a/", i));
  EXPECT_TRUE(comes("a/39"));
  EXPECT_TRUE(comes("a/42"));
  EXPECT_FALSE(is_fetched("b/30"));
  for (int i = 39; i < 50; ++i) {
    ASSERT_TRUE(comes(str("a/", i)));
    touch(str("a/", i));
  }
  EXPECT_TRUE(comes("b/14"));
  EXPECT_FALSE(is_fetched("c/30"));
  EXPECT_GE(read_ahead_->stats().used, 8U);
}

TEST_F(ReadAheadTest, AWalkThatReadsLargeFilesHasTheirBeginningsFetched) {
  changes_.push_back(put_directory("d"));
  for (int i = 10; i < 60; ++i) {
    if (i % 2 == 0) add_small(str("d/", i));
    if (i % 2 == 1) add_large(str("d/", i));
  }
  mount();
  for (int i = 10; i < 20; ++i) {
    touch(str("d/", i));
    if (i > 12) {
      EXPECT_TRUE(comes(str("d/", i + 1))) << i;
    }
  }
}

TEST_F(ReadAheadTest, ALargeFileReadFromTheFrontIsFetchedAhead) {
  add_large("large", 40);
  mount();
  touch("large", 0, 131072);
  touch("large", 131072, 131072);
  EXPECT_TRUE(comes("large", 3));
  EXPECT_TRUE(comes("large", 9));
  EXPECT_FALSE(is_fetched("large", 30));
}

TEST_F(ReadAheadTest, AProgramTouchedHereAndThereIsFetchedWhole) {
  add_large("program", 30);
  mount();
  touch("program", 0, 16384);
  EXPECT_TRUE(comes("program", 29));  // where a loader looks next
  EXPECT_FALSE(is_fetched("program", 15));
  touch("program", 2'900'000, 16384);
  touch("program", 1'000'000, 16384);
  touch("program", 2'000'000, 16384);
  EXPECT_TRUE(comes("program", 15));
  EXPECT_TRUE(comes("program", 5));
}

TEST_F(ReadAheadTest, ADirectoryOfWhichSeveralFilesAreReadInAnyOrderComesAsAWhole) {
  changes_.push_back(put_directory("lib"));
  for (int i = 10; i < 16; ++i) add_small(str("lib/", i));
  mount();
  for (const int i : {14, 11, 10}) touch(str("lib/", i));
  for (const int i : {12, 13, 15}) EXPECT_TRUE(comes(str("lib/", i))) << i;
}

TEST_F(ReadAheadTest, NothingIsAskedForWhileItIsHeld) {
  changes_.push_back(put_directory("a"));
  for (int i = 10; i < 40; ++i) add_small(str("a/", i));
  mount();
  read_ahead_->hold(true);
  for (int i = 10; i < 20; ++i) touch(str("a/", i));
  read_ahead_->hold(false);
  for (int i = 30; i < 33; ++i) touch(str("a/", i));
  EXPECT_TRUE(comes("a/33"));
  EXPECT_FALSE(is_fetched("a/20"));
}

TEST_F(ReadAheadTest, AProgramTooLargeToComeWholeComesAroundItsTouches) {
  add_large("compiler", 200);
  mount();
  for (const uint64_t chunk : {0, 190, 150, 100}) touch("compiler", chunk * kChunkBytes, 16384);
  EXPECT_TRUE(comes("compiler", 105));
  EXPECT_TRUE(comes("compiler", 97));
  EXPECT_FALSE(is_fetched("compiler", 130));
}

TEST_F(ReadAheadTest, StoppingTellsWhenTheCatalogHangs) {
  changes_.push_back(put_directory("d"));
  for (int i = 10'000; i < 30'000; ++i) changes_.push_back(put_file(str("d/some-rather-long-name-", i), str(i)));
  const auto finished = world_.publish(std::move(changes_));
  catalog_ = world_.open(finished.catalog);
  auto transport = std::make_unique<StoreTransport>(world_.objects.store);
  StoreTransport& source = *transport;
  std::vector<std::unique_ptr<Transport>> sources;
  sources.push_back(std::move(transport));
  fetcher_ = std::make_unique<Fetcher>(std::move(sources), cache_, FetcherOptions{});
  const auto remote = *Catalog::open(finished.catalog, *fetcher_);
  for (const ObjectId& id : finished.new_objects) source.hold(id);

  read_ahead_ = std::make_unique<ReadAhead>(*remote, *fetcher_);
  for (const int i : {20'000, 20'001, 20'002}) touch(str("d/some-rather-long-name-", i));
  ASSERT_TRUE(eventually([&] { return source.waiting() > 0; }));
  EXPECT_FALSE(read_ahead_->stop(std::chrono::steady_clock::now()));
  source.release_all();
  EXPECT_TRUE(read_ahead_->stop(std::chrono::steady_clock::now() + std::chrono::seconds(10)));
  read_ahead_.reset();  // before the catalog it reads
}

TEST_F(ReadAheadTest, WhatIsAskedForInVainIsBounded) {
  for (int i = 100; i < 200; ++i) add_large(str("program", i), 5);
  mount();
  const auto asked_bytes = [&] { return read_ahead_->stats().asked * kChunkBytes; };
  for (int i = 199; i >= 100; --i) touch(str("program", i), 300'000, 16384);
  ASSERT_TRUE(eventually([&] { return asked_bytes() > ReadAhead::kMaxUnreadBytes / 2; }));
  EXPECT_LE(asked_bytes(), ReadAhead::kMaxUnreadBytes + 100 * kChunkBytes);
}

}  // namespace
}  // namespace granary
