#include "fs/client/prefetch_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/fetch_world.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using testing::HasSubstr;
using Step = PrefetchJob::Step;

class PrefetchJobTest : public testing::Test {
 protected:
  // near/0 … and far/0 …, each with bytes of its own.
  void publish(int near, int far, size_t size_bytes) {
    std::vector<Change> changes{put_directory("near"), put_directory("far")};
    for (int i = 0; i < near; ++i) changes.push_back(world_.file(str("near/", i), content("near", i, size_bytes)));
    for (int i = 0; i < far; ++i) changes.push_back(world_.file(str("far/", i), content("far", i, size_bytes)));
    catalog_ = world_.publish(std::move(changes));
    snapshot_ = *world_.catalogs.objects.writer.write("the snapshot's object");
  }
  static Bytes content(const char* directory, int i, size_t size_bytes) {
    return str(directory, " ", i) + Bytes(size_bytes, static_cast<char>('a' + i % 26));
  }
  bool holds(const char* directory, int i, size_t size_bytes) {
    return world_.cache->holds(ObjectId::of(content(directory, i, size_bytes)));
  }
  PrefetchJob job_for(const Bytes& path, bool pin = false) {
    return {{catalog_, path, snapshot_, "uuid", pin ? world_.cache_directory() : ""}, *world_.fetcher, *world_.cache};
  }
  Status fetch(const Bytes& path) { return job_for(path).run(); }
  Status pin(const Bytes& path) { return job_for(path, true).run(); }
  std::vector<Pin> pins() { return PinBook(world_.cache_directory()).read()->pins; }

  FetchWorld world_;
  CatalogId catalog_;
  ObjectId snapshot_;
};

TEST_F(PrefetchJobTest, APathArrivesWithTheCatalogAndNothingElse) {
  publish(10, 10, 1000);
  PrefetchJob job = job_for("near");
  ASSERT_TRUE(job.run());
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(holds("near", i, 1000));
    EXPECT_FALSE(holds("far", i, 1000));
  }
  const auto catalog = world_.catalogs.open(catalog_);
  const auto parts = walk_catalog(*catalog);
  for (const WalkedObject& part : parts.value()) EXPECT_TRUE(world_.cache->holds(part.id));
  EXPECT_TRUE(world_.cache->holds(snapshot_));
  const auto progress = job.progress();
  EXPECT_EQ(progress.step, Step::kDone);
  EXPECT_EQ(progress.objects_done, progress.objects_total);
  EXPECT_GE(progress.bytes_done, 10'000u);
}

TEST_F(PrefetchJobTest, AllOfItAndASingleFileArriveToo) {
  publish(3, 3, 100);
  ASSERT_TRUE(fetch("near/1"));
  EXPECT_TRUE(holds("near", 1, 100));
  EXPECT_FALSE(holds("near", 2, 100));
  ASSERT_TRUE(fetch(""));
  EXPECT_TRUE(holds("far", 2, 100));
}

TEST_F(PrefetchJobTest, WhatCannotBeHadIsNamed) {
  publish(5, 0, 100);
  world_.catalogs.objects.store.lose(ObjectId::of(content("near", 3, 100)));
  PrefetchJob job = job_for("");
  const Status done = job.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kUnavailable);
  const auto progress = job.progress();
  EXPECT_EQ(progress.step, Step::kFailed);
  EXPECT_EQ(progress.objects_failed, 1u);
  ASSERT_EQ(progress.missing.size(), 1u);
  EXPECT_THAT(progress.missing[0], HasSubstr("/near/3: "));
  EXPECT_TRUE(eventually([&] { return holds("near", 4, 100); }));  // the others came all the same
}

TEST_F(PrefetchJobTest, APathThatIsNotThereIsSaidSo) {
  publish(1, 1, 10);
  EXPECT_EQ(fetch("nowhere").error().code, Code::kNotFound);
  EXPECT_EQ(fetch("near/0/below").error().code, Code::kNotFound);
}

TEST_F(PrefetchJobTest, WhatCannotFitIsRefusedBeforeItIsFetched) {
  publish(50, 1, 20'000);
  world_.open(uint64_t{1} << 20);
  const Status refused = fetch("near");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kNoSpace);
  EXPECT_THAT(refused.error().message, HasSubstr("--quota 2M"));
  EXPECT_FALSE(holds("near", 0, 20'000));
  EXPECT_TRUE(fetch("far"));
}

TEST_F(PrefetchJobTest, StoppingEndsItAtOnce) {
  publish(5, 0, 100);
  world_.transport->hold(ObjectId::of(content("near", 2, 100)));
  PrefetchJob job = job_for("");
  std::thread thread([&] { static_cast<void>(job.run()); });
  EXPECT_TRUE(eventually([&] { return world_.transport->waiting() > 0 && job.progress().step == Step::kFetching; }));
  job.stop();
  thread.join();
  EXPECT_EQ(job.progress().step, Step::kFailed);
  EXPECT_THAT(job.progress().error->message, HasSubstr("stopped"));
  world_.transport->release_all();
}

TEST_F(PrefetchJobTest, APinNamesEverythingWithItsSize) {
  publish(4, 4, 1000);
  ASSERT_TRUE(pin("near"));
  ASSERT_EQ(pins().size(), 1u);
  const Pin pinned = pins()[0];
  EXPECT_EQ(pinned.path, "near");
  EXPECT_EQ(pinned.snapshot, snapshot_);
  for (int i = 0; i < 4; ++i) {
    const Bytes plain = content("near", i, 1000);
    EXPECT_THAT(pinned.objects, testing::Contains(PinnedObject{ObjectId::of(plain), plain.size()}));
  }
  EXPECT_EQ(world_.cache->stats().pins, 1u);
}

TEST_F(PrefetchJobTest, WhatIsPinnedStaysWhoeverEvicts) {
  world_.open(uint64_t{1} << 20);
  publish(20, 200, 10'000);
  ASSERT_TRUE(pin("near"));
  DiskCacheOptions disk;
  disk.quota_bytes = uint64_t{1} << 20;
  const auto another = DiskCache::open(world_.cache_directory(), disk).value();
  for (int i = 0; i < 200; ++i) {
    const Bytes plain = content("far", i, 10'000);
    ASSERT_TRUE((i % 2 == 0 ? *world_.cache : *another).put(ObjectId::of(plain), plain));
    ASSERT_LE(another->stats().used_bytes, uint64_t{1} << 20);
  }
  EXPECT_GT(world_.cache->stats().evictions + another->stats().evictions, 50u);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(holds("near", i, 10'000)) << i;

  ASSERT_TRUE(PinBook(world_.cache_directory()).remove(pins()[0]));
  for (int i = 200; i < 400; ++i)
    ASSERT_TRUE(another->put(ObjectId::of(content("far", i, 10'000)), content("far", i, 10'000)));
  EXPECT_FALSE(holds("near", 0, 10'000));
}

TEST_F(PrefetchJobTest, FourFifthsOfTheQuotaIsAllThatCanBePinned) {
  world_.open(uint64_t{1} << 20);
  publish(40, 40, 10'000);  // twelve kilobytes each on the disk: 0.48 MB a directory
  ASSERT_TRUE(pin("near"));
  const Status refused = pin("far");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kNoSpace);
  EXPECT_THAT(refused.error().message, HasSubstr("80 %"));
  EXPECT_EQ(pins().size(), 1u);
  EXPECT_TRUE(pin("near"));  // the same again takes no more
  EXPECT_EQ(pins().size(), 1u);
}

}  // namespace
}  // namespace granary
