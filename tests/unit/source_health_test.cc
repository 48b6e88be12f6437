#include "fs/net/source_health.h"

#include <gtest/gtest.h>

#include "fs/net/hedge_budget.h"

namespace granary {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = SourceHealth::State;

class SourceHealthTest : public testing::Test {
 protected:
  void answer(milliseconds first_byte, milliseconds whole, uint64_t bytes = 200'000) {
    health_.answered(first_byte, whole, bytes, now_);
  }
  void pass(SourceHealth::Duration time) { now_ += time; }

  SourceHealth health_;
  SourceHealth::Time now_{seconds(1'000)};
};

TEST_F(SourceHealthTest, NobodyKnowsASourceUntilItAnswers) {
  EXPECT_EQ(health_.state(now_), State::kUnknown);
  answer(milliseconds(10), milliseconds(20));
  EXPECT_EQ(health_.state(now_), State::kHealthy);
  EXPECT_EQ(health_.latency(), milliseconds(10));
}

TEST_F(SourceHealthTest, AveragesFollowWhatIsNewSlowly) {
  for (int i = 0; i < 20; ++i) answer(milliseconds(10), milliseconds(20));
  answer(milliseconds(90), milliseconds(100));
  EXPECT_EQ(health_.latency(), milliseconds(20));
  for (int i = 0; i < 60; ++i) answer(milliseconds(90), milliseconds(100));
  EXPECT_NEAR(static_cast<double>(health_.latency().count()), 90'000, 1'000);
}

TEST_F(SourceHealthTest, SlownessIsNoIllness) {
  for (int i = 0; i < 20; ++i) answer(seconds(9), seconds(25));
  health_.stalled(now_);
  health_.failed(Trouble::kNone, "overdue", now_);
  EXPECT_EQ(health_.state(now_), State::kHealthy);
  EXPECT_GT(health_.rank(now_), 0);  // only asked later, for a while
  pass(seconds(31));
  EXPECT_EQ(health_.rank(now_), 0);
}

TEST_F(SourceHealthTest, WhoCannotBeReachedOrSaysNothingIsIllAtOnce) {
  health_.failed(Trouble::kUnreachable, "refused", now_);
  EXPECT_EQ(health_.state(now_), State::kIll);
  EXPECT_TRUE(health_.is_unreachable());
  EXPECT_EQ(health_.last_error(), "refused");
  answer(milliseconds(1), milliseconds(2));
  EXPECT_EQ(health_.state(now_), State::kHealthy);
  health_.failed(Trouble::kSilent, "silence", now_);
  EXPECT_EQ(health_.state(now_), State::kIll);
  EXPECT_FALSE(health_.is_unreachable());
}

TEST_F(SourceHealthTest, OneBrokenAnswerMayHappenTwoInARowAreAnIllness) {
  answer(milliseconds(1), milliseconds(2));
  health_.failed(Trouble::kBroken, "500", now_);
  EXPECT_EQ(health_.state(now_), State::kHealthy);
  answer(milliseconds(1), milliseconds(2));
  health_.failed(Trouble::kDamaged, "flipped", now_);
  EXPECT_EQ(health_.state(now_), State::kHealthy);
  health_.failed(Trouble::kBroken, "500", now_);
  EXPECT_EQ(health_.state(now_), State::kIll);
}

TEST_F(SourceHealthTest, WhoeverLacksAFileAnswersAllTheSame) {
  health_.failed(Trouble::kUnreachable, "refused", now_);
  health_.answered_without(now_);
  EXPECT_NE(health_.state(now_), State::kIll);
}

TEST_F(SourceHealthTest, TrialsOfAnIllSourceComeAfterGrowingPauses) {
  health_.failed(Trouble::kUnreachable, "refused", now_);
  EXPECT_FALSE(health_.is_trial_due(now_, seconds(30)));
  pass(milliseconds(250));
  EXPECT_TRUE(health_.is_trial_due(now_, seconds(30)));
  int trials = 0;
  for (int second = 0; second < 300; ++second) {
    if (health_.is_trial_due(now_, seconds(30))) {
      ++trials;
      health_.trial_began(now_);
      health_.failed(Trouble::kUnreachable, "refused", now_);
    }
    pass(seconds(1));
  }
  EXPECT_GE(trials, 10);
  EXPECT_LE(trials, 18);
}

TEST_F(SourceHealthTest, WhoLagsIsBehindForAWhileAndLongerTheNextTime) {
  answer(milliseconds(1), milliseconds(2));
  health_.lacked(now_);
  EXPECT_EQ(health_.state(now_), State::kBehind);
  pass(seconds(11));
  EXPECT_EQ(health_.state(now_), State::kHealthy);
  health_.lacked(now_);
  pass(seconds(11));
  EXPECT_EQ(health_.state(now_), State::kBehind);
  health_.caught_up();
  EXPECT_EQ(health_.state(now_), State::kHealthy);
}

TEST_F(SourceHealthTest, WhatIsUnusualIsMeasuredByItsOwnHistory) {
  for (int i = 0; i < 7; ++i) answer(milliseconds(50), milliseconds(60));
  EXPECT_EQ(health_.patience_for_first_byte(), milliseconds(500));  // little is known
  for (int i = 0; i < 60; ++i) answer(milliseconds(50), milliseconds(60));
  EXPECT_EQ(health_.patience_for_first_byte(), milliseconds(50));
  EXPECT_EQ(health_.patience_for_whole(), milliseconds(60));
  for (int i = 0; i < 3; ++i) answer(milliseconds(900), milliseconds(950));
  EXPECT_EQ(health_.patience_for_first_byte(), milliseconds(50));  // these are the five in a hundred
  for (int i = 0; i < 10; ++i) answer(milliseconds(900), milliseconds(950));
  EXPECT_EQ(health_.patience_for_first_byte(), milliseconds(900));
}

TEST_F(SourceHealthTest, AQuickSourceThatFailsOftenCostsMoreThanAReliableOne) {
  SourceHealth reliable;
  for (int i = 0; i < 30; ++i) {
    reliable.answered(milliseconds(18), milliseconds(19), 200'000, now_);
    answer(milliseconds(10), milliseconds(11));
    if (i % 2 == 0) health_.failed(Trouble::kBroken, "500", now_);
  }
  EXPECT_GT(health_.cost(), reliable.cost());
}

TEST(HedgeBudgetTest, SecondRequestsAreAtMostTwoInAHundred) {
  HedgeBudget budget;
  int hedges = 0;
  for (int i = 0; i < 10'000; ++i) {
    budget.sent();
    budget.received(100'000);
    if (budget.take()) {
      ++hedges;
      budget.wasted(100'000);
    }
  }
  EXPECT_LE(hedges, 201);
  EXPECT_GE(hedges, 190);
}

TEST(HedgeBudgetTest, WhatIsBroughtInVainCountsByTheByte) {
  HedgeBudget budget;
  uint64_t received = 0, wasted = 0;
  for (int i = 0; i < 10'000; ++i) {
    budget.sent();
    budget.received(10'000);
    received += 10'000;
    if (budget.take()) {
      budget.wasted(1'000'000);  // large ones lose
      wasted += 1'000'000;
    }
  }
  EXPECT_LE(wasted, received / 50 + 2'000'000);
  EXPECT_GT(wasted, 0u);
}

TEST(HedgeBudgetTest, ItSavesUpForABadMomentButNotForEver) {
  HedgeBudget budget;
  for (int i = 0; i < 100'000; ++i) budget.sent();
  int hedges = 0;
  while (budget.take()) ++hedges;
  EXPECT_EQ(hedges, 16);
}

}  // namespace
}  // namespace granary
