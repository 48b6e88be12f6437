#include "fs/format/record.h"

#include <gtest/gtest.h>

#include "support/signed_world.h"

namespace granary {
namespace {

TEST(Record, AncestorsAreASkipList) {
  EXPECT_TRUE(ancestors_of(1).empty());
  EXPECT_TRUE(ancestors_of(2).empty());
  EXPECT_TRUE(ancestors_of(7).empty());
  EXPECT_EQ(ancestors_of(4), (std::vector<uint64_t>{2}));
  EXPECT_EQ(ancestors_of(12), (std::vector<uint64_t>{10, 8}));
  EXPECT_EQ(ancestors_of(16), (std::vector<uint64_t>{14, 12, 8}));
  EXPECT_EQ(ancestors_of(uint64_t{1} << 63).size(), 62U);
}

class LogTest : public testing::Test {
 protected:
  LogTest() {
    while (world_.record.revision < 300) world_.commit();
  }
  FetchRecord counting() {
    return [this](uint64_t revision) {
      ++fetches_;
      return world_.fetch()(revision);
    };
  }
  SignedWorld world_;
  int fetches_ = 0;
};

TEST_F(LogTest, EveryRecordIsFoundInFewSteps) {
  for (uint64_t revision = 1; revision <= 300; ++revision) {
    fetches_ = 0;
    const auto record = find_record(world_.record, revision, counting());
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->revision, revision);
    EXPECT_LE(fetches_, 18) << revision;  // 2·log2(300)
  }
}

TEST_F(LogTest, ARecordOutsideTheLogIsNotFound) {
  EXPECT_EQ(find_record(world_.record, 0, counting()).error().code, Code::kNotFound);
  EXPECT_EQ(find_record(world_.record, 301, counting()).error().code, Code::kNotFound);
  EXPECT_EQ(fetches_, 0);
}

TEST_F(LogTest, TheNewestRecordAtATimeIsFound) {
  const UnixSeconds first = Record::parse(Envelope::parse(world_.log.at(1))->payload)->time;
  for (uint64_t revision = 1; revision <= 300; ++revision) {
    const UnixSeconds committed = first + 60 * static_cast<UnixSeconds>(revision - 1);
    for (const UnixSeconds later : {0, 59}) {
      fetches_ = 0;
      const auto record = find_record_at(world_.record, committed + later, counting());
      ASSERT_TRUE(record) << record.error().message;
      EXPECT_EQ(record->revision, revision);
      EXPECT_LE(fetches_, 80) << revision;
    }
  }
  EXPECT_EQ(find_record_at(world_.record, first - 1, counting()).error().code, Code::kNotFound);
  EXPECT_EQ(find_record_at(world_.record, first + 1'000'000, counting())->revision, 300U);
}

TEST_F(LogTest, AForgedRecordOnTheWayIsRefused) {
  SignedWorld other;
  other.now += 1;
  while (other.record.revision < 300) other.commit();
  world_.log = other.log;  // validly signed, and not what the chain names
  EXPECT_EQ(find_record(world_.record, 17, counting()).error().code, Code::kCorrupt);
  EXPECT_EQ(find_record_at(world_.record, world_.now - 4000, counting()).error().code, Code::kCorrupt);
}

TEST_F(LogTest, TimeNeverGoesBack) {
  const auto next = successor_of(world_.record, world_.record_envelope.digest(), world_.now - 1000, world_.fetch());
  ASSERT_TRUE(next);
  EXPECT_EQ(next->time, world_.record.time);
}

TEST_F(LogTest, WhatABranchStoodForIsToldByAnOlderRecord) {
  world_.publish("main", "one");
  const UnixSeconds then = world_.now;
  world_.publish("main", "two");
  world_.change_root([](Root&) {});
  world_.publish("main", "three");
  Seen seen;
  const auto head = verify_head(world_.head(), world_.trust(), {TrustPolicy::Freshness::kRequired, world_.now}, seen);
  ASSERT_TRUE(head) << head.error().message;
  const Record older = *find_record_at(head->record(), then, world_.fetch());
  EXPECT_EQ(head->resolve_branch_in(older, "main")->snapshot, Digest::of("snapshot one"));
  EXPECT_EQ(head->resolve_branch_in(older, "test").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace granary
