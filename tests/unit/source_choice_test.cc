#include "fs/net/source_choice.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Order = std::vector<size_t>;
using Pace = SourceChoice::Verdict::Pace;

class SourceChoiceTest : public testing::Test {
 protected:
  SourceChoice& with(std::vector<SourcePlace> places) { return choice_.emplace(std::move(places), now_); }
  void answer(size_t source, milliseconds first_byte, uint64_t bytes = 1'000) {
    choice_->sent(source, SourceChoice::Kind::kFirst);
    choice_->answered(source, {now_ - first_byte, now_, now_}, bytes);
  }
  void fail(size_t source, Trouble trouble, milliseconds after = {}) {
    choice_->failed(source, trouble, "broken", now_ - after, now_);
  }
  Order order() const { return choice_->order(now_); }
  SourceHealth::State state(size_t source) const { return choice_->status(now_)[source].state; }

  SourceChoice::Time now_{seconds(1'000)};
  std::optional<SourceChoice> choice_;
};

const SourcePlace kA{"http://a", "", 0}, kB{"http://b", "", 0}, kC{"http://c", "", 0};

TEST_F(SourceChoiceTest, WhileNothingIsKnownTheirOrderIsTheOneGiven) {
  with({kA, kB, kC});
  EXPECT_EQ(order(), (Order{0, 1, 2}));
}

TEST_F(SourceChoiceTest, WhoIsMuchQuickerIsAskedFirst) {
  with({kA, kB});
  answer(1, milliseconds(20));
  answer(0, milliseconds(100));
  EXPECT_EQ(order(), (Order{1, 0}));
}

TEST_F(SourceChoiceTest, WhoIsInUseStaysUntilAnotherIsTwiceAsQuick) {
  with({kA, kB});
  answer(1, milliseconds(70));
  answer(0, milliseconds(100));
  EXPECT_EQ(order(), (Order{0, 1}));
}

TEST_F(SourceChoiceTest, GroupsComeInTheirOrderHoweverQuick) {
  with({{"http://a", "http://p1:1", 0}, {"http://a", "http://p2:1", 0}, {"http://a", "", 1}});
  answer(2, milliseconds(1));
  answer(0, milliseconds(200));
  EXPECT_EQ(order(), (Order{0, 1, 2}));
  fail(0, Trouble::kUnreachable);
  fail(1, Trouble::kUnreachable);
  EXPECT_EQ(order(), (Order{2}));
  answer(0, milliseconds(200));
  EXPECT_EQ(order(), (Order{0, 2}));  // back to the first group
}

TEST_F(SourceChoiceTest, AnUnreachableProxyIsUnreachableForAllMirrorsBehindIt) {
  with({{"http://a", "http://p:1", 0}, {"http://b", "http://p:1", 0}, {"http://b", "", 1}});
  fail(0, Trouble::kUnreachable);
  EXPECT_EQ(state(1), SourceHealth::State::kIll);
  EXPECT_EQ(order(), (Order{2}));
  EXPECT_EQ(choice_->left_out(now_), "broken");
}

TEST_F(SourceChoiceTest, TheIllAreAskedLastAndTheSilentAreNotLeftOut) {
  with({kA, kB});
  fail(0, Trouble::kSilent);
  EXPECT_EQ(order(), (Order{1, 0}));
}

TEST_F(SourceChoiceTest, WhoIsBehindComesAfterThoseWhoAreNot) {
  with({kA, kB});
  answer(1, milliseconds(90));
  answer(0, milliseconds(10));
  choice_->lacked(0, now_);
  EXPECT_EQ(order(), (Order{1, 0}));
  EXPECT_EQ(state(0), SourceHealth::State::kBehind);
}

TEST_F(SourceChoiceTest, ANetworkIsGoneWhenNobodyCouldBeReachedForASecond) {
  with({kA, kB});
  fail(0, Trouble::kUnreachable);
  fail(1, Trouble::kUnreachable);
  EXPECT_FALSE(choice_->outage(now_));  // a server that is restarted is none
  now_ += seconds(1);
  EXPECT_EQ(choice_->outage(now_), "broken");
  EXPECT_EQ(order(), (Order{0, 1}));
  answer(1, milliseconds(5));
  EXPECT_FALSE(choice_->outage(now_));
  EXPECT_EQ(choice_->recoveries(), 1u);
}

TEST_F(SourceChoiceTest, ConnectingInVainForLongIsAnOutageAtOnce) {
  with({kA});
  fail(0, Trouble::kUnreachable, seconds(5));
  EXPECT_TRUE(choice_->outage(now_));
}

TEST_F(SourceChoiceTest, WhoWentFirstHasASecondToComeBackWhenTheLastGoes) {
  with({kA, kB});
  fail(0, Trouble::kUnreachable, seconds(5));
  now_ += seconds(10);
  fail(1, Trouble::kUnreachable);
  EXPECT_FALSE(choice_->outage(now_));
  now_ += seconds(1);
  EXPECT_TRUE(choice_->outage(now_));
}

TEST_F(SourceChoiceTest, ServersThatAnswerWithErrorsAreNoOutage) {
  with({kA});
  for (int i = 0; i < 5; ++i) fail(0, Trouble::kBroken);
  now_ += seconds(60);
  EXPECT_FALSE(choice_->outage(now_));
}

TEST_F(SourceChoiceTest, InAnOutageTrialsAreNeverMoreThanTwoSecondsApart) {
  with({kA});
  fail(0, Trouble::kUnreachable);
  int trials = 0;
  for (int i = 0; i < 240; ++i) {  // a minute
    for (const size_t source : choice_->due_trials(now_)) {
      ++trials;
      fail(source, Trouble::kUnreachable);
      choice_->trial_ended(source);
    }
    now_ += milliseconds(250);
  }
  EXPECT_GE(trials, 28);
  EXPECT_LE(trials, 36);
}

TEST_F(SourceChoiceTest, ATrialIsNotRepeatedWhileItIsUnderWay) {
  with({kA});
  fail(0, Trouble::kUnreachable);
  now_ += seconds(5);
  EXPECT_EQ(choice_->due_trials(now_), (Order{0}));
  now_ += seconds(60);
  EXPECT_EQ(choice_->due_trials(now_), Order{});
}

TEST_F(SourceChoiceTest, WhoWasNeverMeasuredIsTriedOnceThingsHaveSettled) {
  with({kA, kB});
  answer(0, milliseconds(10));
  EXPECT_EQ(choice_->due_trials(now_), Order{});
  now_ += seconds(3);
  EXPECT_EQ(choice_->due_trials(now_), (Order{1}));
}

TEST_F(SourceChoiceTest, OneSourceAloneIsNotTriedWhileItIsWell) {
  with({kA});
  now_ += seconds(3'000);
  EXPECT_EQ(choice_->due_trials(now_), Order{});
}

TEST_F(SourceChoiceTest, ARequestIsSlowByItsSourcesOwnHistory) {
  with({kA, kB});
  for (int i = 0; i < 64; ++i) {
    answer(0, milliseconds(30));
    answer(1, milliseconds(800));
  }
  EXPECT_EQ(choice_->judge(0, milliseconds(31), false).pace, Pace::kUsual);
  EXPECT_EQ(choice_->judge(0, milliseconds(91), false).pace, Pace::kSlow);
  EXPECT_EQ(choice_->judge(1, milliseconds(2'001), false).pace, Pace::kUsual);
  EXPECT_EQ(choice_->judge(0, milliseconds(2'001), false).pace, Pace::kStalled);
  EXPECT_EQ(choice_->judge(1, milliseconds(2'401), false).pace, Pace::kSlow);
  EXPECT_EQ(choice_->judge(1, milliseconds(3'201), false).pace, Pace::kStalled);
}

TEST_F(SourceChoiceTest, WithABudgetSavedUpLessIsSlow) {
  with({kA, kB});
  for (int i = 0; i < 300; ++i) answer(0, milliseconds(30));
  EXPECT_EQ(choice_->judge(0, milliseconds(44), false).pace, Pace::kUsual);
  EXPECT_EQ(choice_->judge(0, milliseconds(46), false).pace, Pace::kSlow);
}

TEST_F(SourceChoiceTest, AStandstillAfterTheFirstByteIsSeenToo) {
  with({kA});
  for (int i = 0; i < 64; ++i) answer(0, milliseconds(30));
  EXPECT_EQ(choice_->judge(0, milliseconds(50), true).pace, Pace::kUsual);
  EXPECT_EQ(choice_->judge(0, milliseconds(500), true).pace, Pace::kSlow);
  EXPECT_EQ(choice_->judge(0, milliseconds(3'500), true).pace, Pace::kStalled);
}

TEST_F(SourceChoiceTest, TheStatusCountsWhatHappened) {
  with({{"http://a", "http://p:3128", 0}, kB});
  answer(0, milliseconds(40), 5'000);
  fail(0, Trouble::kBroken);
  choice_->sent(1, SourceChoice::Kind::kHedge);
  choice_->hedge_won(1);
  choice_->wasted(0, 70);
  const auto status = choice_->status(now_);
  EXPECT_EQ(status[0].place.proxy, "http://p:3128");
  EXPECT_EQ(status[0].requests, 1u);
  EXPECT_EQ(status[0].bytes, 5'000u);
  EXPECT_EQ(status[0].errors, 1u);
  EXPECT_EQ(status[0].wasted_bytes, 70u);
  EXPECT_EQ(status[0].latency_ms, 40);
  EXPECT_GT(status[0].error_rate, 0);
  EXPECT_EQ(status[0].last_error, "broken");
  EXPECT_EQ(status[1].hedges, 1u);
  EXPECT_EQ(status[1].hedge_wins, 1u);
}

}  // namespace
}  // namespace granary
