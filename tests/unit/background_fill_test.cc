#include "fs/client/background_fill.h"

#include <gtest/gtest.h>

#include "tests/support/fetch_world.h"
#include "tests/support/mem_cache.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using State = BackgroundFill::State;

TEST(FillRate, IsReadAsPeopleWriteIt) {
  EXPECT_EQ(FillRate::parse("5M")->bytes_per_second, uint64_t{5} << 20);
  EXPECT_EQ(FillRate::parse("1000")->bytes_per_second, 1000u);
  EXPECT_EQ(FillRate::parse("unlimited")->bytes_per_second, 0u);
  for (const char* bad : {"", "0", "-1", "fast", "5X", "5 M", "0M", "1e6", "99999999999999999999", "unlimited "}) {
    const auto rate = FillRate::parse(bad);
    ASSERT_FALSE(rate) << bad;
    EXPECT_EQ(rate.error().code, Code::kInvalid);
    EXPECT_NE(rate.error().message.find("impossible rate"), std::string::npos);
  }
}

class BackgroundFillTest : public testing::Test {
 protected:
  void begin(const CatalogId& catalog, FillRate rate = {}) {
    fill_.emplace(catalog, *world_.fetcher, *world_.cache,
                  BackgroundFill::Options{"sw.example.org", std::chrono::milliseconds(20)});
    fill_->start(rate);
  }
  bool reaches(State state) {
    return eventually([&] { return fill_->progress().state == state; });
  }
  CatalogId publish(int files, size_t size_bytes) {
    std::vector<Change> changes;
    for (int i = 0; i < files; ++i) {
      contents_.push_back(str("file ", i) + Bytes(size_bytes, static_cast<char>('a' + i % 26)));
      changes.push_back(world_.file(str("f", i), contents_.back()));
    }
    return world_.publish(std::move(changes));
  }

  FetchWorld world_;
  std::vector<Bytes> contents_;
  std::optional<BackgroundFill> fill_;
};

TEST_F(BackgroundFillTest, EverythingArrives) {
  begin(publish(40, 5000));
  ASSERT_TRUE(reaches(State::kComplete));
  const auto progress = fill_->progress();
  EXPECT_EQ(progress.objects_done, progress.objects_total);
  EXPECT_GE(progress.objects_total, 41u);
  EXPECT_EQ(progress.objects_failed, 0u);
  for (const Bytes& content : contents_) EXPECT_TRUE(world_.cache->holds(ObjectId::of(content)));
}

TEST_F(BackgroundFillTest, WhatIsHereIsNotFetchedAgain) {
  const CatalogId catalog = publish(10, 100);
  begin(catalog);
  ASSERT_TRUE(reaches(State::kComplete));
  const uint64_t requests = world_.fetcher->stats().requests;
  begin(catalog);
  ASSERT_TRUE(reaches(State::kComplete));
  EXPECT_EQ(world_.fetcher->stats().requests, requests);
}

TEST_F(BackgroundFillTest, WhatCouldNotBeHadIsTriedAgain) {
  const CatalogId catalog = publish(10, 100);
  const ObjectId lost = ObjectId::of(contents_[3]);
  const Bytes kept = *world_.catalogs.objects.store.get(lost);
  world_.catalogs.objects.store.lose(lost);
  begin(catalog);
  ASSERT_TRUE(eventually([&] { return fill_->progress().objects_failed == 1; }));
  EXPECT_NE(fill_->progress().trouble, "");
  ASSERT_TRUE(world_.catalogs.objects.store.put(lost, kept));
  ASSERT_TRUE(reaches(State::kComplete));
  EXPECT_EQ(fill_->progress().objects_failed, 0u);
  EXPECT_TRUE(world_.cache->holds(lost));
}

TEST_F(BackgroundFillTest, ItStopsBeforeAnythingWouldBeEvicted) {
  world_.open(600'000);
  begin(publish(100, 10'000));
  ASSERT_TRUE(reaches(State::kFull));
  const CacheStats stats = world_.cache->stats();
  EXPECT_EQ(stats.evictions, 0u);
  EXPECT_GT(stats.used_bytes, 100'000u);
  EXPECT_NE(fill_->progress().trouble.find("80 %"), std::string::npos);
}

TEST_F(BackgroundFillTest, ForADiskThatTakesNothingInLittleIsFetchedInVain) {
  MemCache refusing;
  refusing.refuse(true);
  const CatalogId catalog = publish(100, 100);
  world_.open(uint64_t{1} << 30);
  std::vector<std::unique_ptr<Transport>> sources;
  sources.push_back(std::make_unique<StoreTransport>(world_.catalogs.objects.store));
  Fetcher fetcher(std::move(sources), refusing, {});
  BackgroundFill fill(catalog, fetcher, refusing, {"sw.example.org", std::chrono::hours(1)});
  fill.start({});
  ASSERT_TRUE(eventually([&] { return fill.progress().state == State::kWaiting; }));
  EXPECT_NE(fill.progress().trouble.find("takes nothing in"), std::string::npos);
  EXPECT_LT(fetcher.stats().requests, 40u);
}

TEST_F(BackgroundFillTest, ALowRateLeavesMostForLaterUntilItIsRaised) {
  begin(publish(60, 20'000), FillRate{1000});
  ASSERT_TRUE(reaches(State::kFilling));
  EXPECT_LT(fill_->progress().objects_done, 60u);
  fill_->start(FillRate{});
  EXPECT_TRUE(reaches(State::kComplete));
}

TEST_F(BackgroundFillTest, ItEndsAtOnceWhateverItWaitsFor) {
  const CatalogId catalog = publish(5, 100);
  world_.transport->hold(ObjectId::of(contents_[0]));
  begin(catalog);
  ASSERT_TRUE(eventually([&] { return world_.transport->waiting() > 0; }));
  fill_->stop();
  EXPECT_EQ(fill_->progress().state, State::kOff);
  world_.transport->release_all();
  fill_->start(FillRate{});
  EXPECT_TRUE(reaches(State::kComplete));
  fill_->stop();
  EXPECT_EQ(fill_->progress().state, State::kComplete);
}

}  // namespace
}  // namespace granary
