#include <gtest/gtest.h>

#include "fs/client/connection.h"
#include "fs/client/kept_snapshot.h"
#include "fs/client/repository_view.h"
#include "tests/support/test_repo.h"

namespace granary {
namespace {

class FixedClock : public Clock {
 public:
  explicit FixedClock(UnixSeconds time) : time_(time) {}
  UnixSeconds now() const override { return time_; }

 private:
  const UnixSeconds time_;
};

constexpr UnixSeconds kYear = 365 * 86400;

class FreshnessTest : public testing::Test {
 protected:
  Result<ResolvedSnapshot> resolve(const std::function<void(ViewOptions&)>& adjust) {
    ConnectionOptions options;
    options.url = repository_url(repo_.directory()).value();
    const auto connection = TRY(Connection::open(options));
    ViewOptions view;
    view.url = options.url;
    view.trust = TRY(TrustFile::load(repo_.trust_path()));
    view.state_directory = repo_.scratch() + "/state";
    adjust(view);
    return TRY(RepositoryView::open(connection->fetcher(), view))->resolve({});
  }
  Freshness freshness(const std::function<void(ViewOptions&)>& adjust) { return resolve(adjust).value().freshness; }
  Code refusal(const std::function<void(ViewOptions&)>& adjust) {
    const auto resolved = resolve(adjust);
    return resolved ? Code::kInternal : resolved.error().code;
  }

  TestRepo repo_ = TestRepo::with({{"file", "one"}});
  const UnixSeconds now_ = Clock::system().now();
  const FixedClock long_ago_{0}, far_ahead_{now_ + 10 * kYear};
};

TEST_F(FreshnessTest, ATrustedClockTellsFreshFromStale) {
  EXPECT_EQ(freshness([](ViewOptions&) {}), Freshness::kFresh);
  EXPECT_EQ(refusal([&](ViewOptions& view) { view.clock = &far_ahead_; }), Code::kExpired);
  EXPECT_EQ(freshness([&](ViewOptions& view) { view.clock = &far_ahead_, view.archive = true; }), Freshness::kStale);
}

TEST_F(FreshnessTest, WithoutAClockItIsUnknownWhateverTheClockSays) {
  for (const Clock* clock : std::vector<const Clock*>{&long_ago_, &far_ahead_, &Clock::system()})
    EXPECT_EQ(freshness([&](ViewOptions& view) { view.clock = clock, view.is_clock_trusted = false; }),
              Freshness::kUnknown);
}

TEST_F(FreshnessTest, WhatHadExpiredByTheFloorIsExpiredWithAndWithoutAClock) {
  for (const bool is_trusted : {true, false}) {
    const auto adjust = [&](ViewOptions& view) {
      view.clock = &long_ago_;
      view.is_clock_trusted = is_trusted;
      view.time_floor = now_ + kYear;
    };
    EXPECT_EQ(refusal(adjust), Code::kExpired);
    EXPECT_EQ(freshness([&](ViewOptions& view) { adjust(view), view.archive = true; }), Freshness::kStale);
  }
}

TEST_F(FreshnessTest, WithoutAClockVersionsCountAllTheSame) {
  const auto untrusted = [](ViewOptions& view) { view.is_clock_trusted = false; };
  const Bytes old = read_file(repo_.directory() + "/head.json", 1 << 20).value();
  repo_.publish({{"file", "two"}});
  ASSERT_TRUE(resolve(untrusted));
  ASSERT_TRUE(replace_file(repo_.directory() + "/head.json", old, 0644, Durability::kFast));
  EXPECT_EQ(refusal(untrusted), Code::kRollback);
}

TEST_F(FreshnessTest, TheNewestTimestampSeenIsRememberedAsAFloor) {
  const ResolvedSnapshot resolved = resolve([](ViewOptions& view) { view.is_clock_trusted = false; }).value();
  const TrustMemory memory(repo_.scratch() + "/state/seen");
  EXPECT_EQ(memory.load(resolved.repository).value().timestamp, resolved.timestamp_at);
  EXPECT_GT(resolved.timestamp_at, now_ - 3600);
}

TEST_F(FreshnessTest, AnotherWorkerLearnsIt) {
  for (const bool is_trusted : {true, false}) {
    const auto resolved = resolve([&](ViewOptions& view) { view.is_clock_trusted = is_trusted; }).value();
    EXPECT_EQ(parse_kept_snapshot(kept_snapshot(resolved)).value().freshness, resolved.freshness);
  }
}

}  // namespace
}  // namespace granary
