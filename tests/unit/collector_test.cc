#include "server/collector.h"

#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "server/checker.h"
#include "server/refs.h"
#include "server/staging.h"
#include "tests/support/test_repo.h"

namespace granary {
namespace {

constexpr int64_t kDay = 86400;

class Tomorrow : public Clock {
 public:
  explicit Tomorrow(int64_t days) : days_(days) {}
  UnixSeconds now() const override { return Clock::system().now() + days_ * kDay; }

 private:
  const int64_t days_;
};

CollectOptions options_for(const TestRepo& repo) {
  CollectOptions options;
  options.directory = repo.directory();
  options.jobs = 2;
  return options;
}

bool is_sound(const TestRepo& repo) {
  CheckOptions options;
  options.directory = repo.directory();
  options.deep = true;
  const auto report = check_repository(options);
  return report && report->sound();
}

// An object that nothing reaches, older than what follows by more than the kernel's clock ticks.
ObjectId put_orphan(TestRepo& repo, const Bytes& plain) {
  EXPECT_TRUE(repo.repository().store().put(Digest::of(plain), encode_object(plain, {})));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return Digest::of(plain);
}

TEST(CollectorTest, WhatNothingReachesIsSetAsideAndDeletedAfterItsGrace) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const ObjectId orphan = put_orphan(repo, "nobody wants me");

  const auto first = collect(options_for(repo));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->quarantined, 1U);
  EXPECT_EQ(first->waiting, 1U);
  EXPECT_EQ(first->deleted, 0U);
  EXPECT_FALSE(*repo.repository().store().has(orphan));

  CollectOptions later = options_for(repo);
  const Tomorrow clock(8);
  later.clock = &clock;
  EXPECT_EQ(collect(later)->deleted, 1U);
  EXPECT_TRUE(is_sound(repo));
}

TEST(CollectorTest, BranchesReachAllTheirHistoryAndTagsTheirSnapshots) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  repo.publish({{"a", random_text(1, 200'000)}}, "main", "v1");
  repo.publish({{"a", "3"}});
  const size_t before = repo.object_files().size();

  const auto collected = collect(options_for(repo));

  EXPECT_EQ(collected->quarantined, 0U);
  EXPECT_EQ(collected->snapshots, 3U);
  EXPECT_EQ(repo.object_files().size(), before);
}

TEST(CollectorTest, ADryRunChangesNothing) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const ObjectId orphan = put_orphan(repo, "nobody wants me");
  CollectOptions options = options_for(repo);
  options.dry_run = true;

  EXPECT_EQ(collect(options)->quarantined, 1U);
  EXPECT_TRUE(*repo.repository().store().has(orphan));
}

TEST(CollectorTest, AnAnnouncedRetentionActsOnlyFromItsDateOn) {
  TestRepo repo = TestRepo::with({{"a", random_text(1, 50'000)}});
  repo.publish({{"a", random_text(2, 50'000)}}, "main", "kept");
  repo.publish({{"a", random_text(3, 50'000)}});
  repo.publish({{"a", random_text(4, 50'000)}});
  CollectOptions options = options_for(repo);
  options.keep = {{"main", Retention{2, {}, 0}}};

  EXPECT_EQ(collect(options)->announced.size(), 1U);
  EXPECT_TRUE(collect(options)->announced.empty());  // said already
  EXPECT_EQ(collect(options)->snapshots, 4U);

  const Tomorrow after_notice(15);
  options.clock = &after_notice;
  EXPECT_EQ(collect(options)->snapshots, 3U);  // two of the branch, and the tagged one
}

TEST(CollectorTest, AHistoryThatWasShortenedIsSoundAlsoWhenTheRetentionIsLengthenedLater) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  for (int i = 2; i < 6; ++i) repo.publish({{"a", std::to_string(i)}});
  CollectOptions options = options_for(repo);
  options.notice_seconds = 0;
  options.keep = {{"main", Retention{1, {}, 0}}};
  ASSERT_TRUE(collect(options));
  EXPECT_TRUE(is_sound(repo));
  options.keep = {{"main", Retention{100, {}, 0}}};
  ASSERT_TRUE(collect(options));

  EXPECT_TRUE(is_sound(repo));
  EXPECT_EQ(collect(options)->snapshots, 1U);
}

TEST(CollectorTest, WhatARetentionLetGoCannotBeTaggedAnyMore) {
  TestRepo repo = TestRepo::empty();
  const Published old = repo.publish({{"a", "1"}});
  const Published kept = repo.publish({{"a", "2"}});
  CollectOptions options = options_for(repo);
  options.keep = {{"main", Retention{1, {}, 0}}};
  options.notice_seconds = 0;
  ASSERT_TRUE(collect(options));

  EXPECT_FALSE(create_tag(repo.repository(), "late", old.snapshot));
  EXPECT_TRUE(create_tag(repo.repository(), "good", kept.snapshot));
}

TEST(CollectorTest, APublishBetweenMarkAndSweepKeepsWhatItMade) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const ObjectId orphan = put_orphan(repo, "nobody wants me");
  CollectOptions options = options_for(repo);
  options.after_mark = [&] { repo.publish({{"a", random_text(5, 300'000)}}); };

  const auto collected = collect(options);

  ASSERT_TRUE(collected) << collected.error().message;
  EXPECT_FALSE(*repo.repository().store().has(orphan));
  EXPECT_TRUE(is_sound(repo));
}

TEST(CollectorTest, APublishTakesBackWhatItReliedOn) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const ObjectId orphan = put_orphan(repo, "somebody will want me");
  const auto staging = *Staging::begin(repo.directory());
  ASSERT_TRUE(*staging->has(orphan));  // from now on the publish counts on it

  ASSERT_EQ(collect(options_for(repo))->quarantined, 1U);
  ASSERT_FALSE(*repo.repository().store().has(orphan));

  EXPECT_TRUE(staging->confirm());
  EXPECT_TRUE(*repo.repository().store().has(orphan));
}

TEST(CollectorTest, APublishFailsWhenWhatItReliedOnIsGoneForGood) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const ObjectId orphan = put_orphan(repo, "somebody will want me");
  const auto staging = *Staging::begin(repo.directory());
  ASSERT_TRUE(*staging->has(orphan));
  CollectOptions options = options_for(repo);
  options.grace_seconds = 0;

  ASSERT_EQ(collect(options)->deleted, 1U);

  EXPECT_EQ(staging->confirm().error().code, Code::kConflict);
}

TEST(CollectorTest, WhatAPublishUnderWayHasCommittedIsNotTaken) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const auto staging = *Staging::begin(repo.directory());
  const Bytes plain = "mine, not named by any head yet";
  ASSERT_TRUE(staging->put(Digest::of(plain), encode_object(plain, {})));
  CollectOptions options = options_for(repo);
  options.after_mark = [&] { ASSERT_TRUE(staging->commit()); };

  EXPECT_EQ(collect(options)->quarantined, 0U);
  EXPECT_TRUE(staging->confirm());
  EXPECT_TRUE(*repo.repository().store().has(Digest::of(plain)));
}

TEST(CollectorTest, ContentThatWasCollectedIsStoredAnew) {
  const TestRepo::Files files{{"a", random_text(7, 300'000)}, {"b", "small"}};
  TestRepo repo = TestRepo::with(files);
  repo.publish({{"c", "something else"}});
  CollectOptions options = options_for(repo);
  options.keep = {{"main", Retention{1, {}, 0}}};
  options.notice_seconds = options.grace_seconds = 0;
  ASSERT_GT(collect(options)->deleted, 0U);

  repo.publish(files);  // the content index remembers where they were

  EXPECT_TRUE(is_sound(repo));
}

TEST(CollectorTest, WhenSomethingReachableIsMissingNothingIsRemoved) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const ObjectId orphan = put_orphan(repo, "nobody wants me");
  const auto catalog = repo.repository().read()->branch("main")->catalog;
  ASSERT_TRUE(remove_tree(repo.repository().store().path_of(catalog)));

  EXPECT_FALSE(collect(options_for(repo)));
  EXPECT_TRUE(*repo.repository().store().has(orphan));
}

TEST(CollectorTest, RetentionsAreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_retention("main=5")->second.keep_last, 5U);
  EXPECT_EQ(parse_retention("main=30d")->second.keep_seconds, 30U * 86400);
  EXPECT_EQ(parse_retention("a/b=1w")->first, "a/b");
  for (const char* wrong : {"main", "main=", "main=0", "=5", "main=x"})
    EXPECT_EQ(parse_retention(wrong).error().code, Code::kInvalid) << wrong;
}

}  // namespace
}  // namespace granary
