#include "fs/net/prefetch_window.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

using std::chrono::milliseconds;

class PrefetchWindowTest : public testing::Test {
 protected:
  void answers(int count, milliseconds delay, uint64_t bytes = 100'000) {
    for (int i = 0; i < count; ++i) {
      now_ += delay;
      window_.answered(delay, bytes, now_);
    }
  }
  PrefetchWindow window_;
  PrefetchWindow::Time now_{std::chrono::hours(1)};
};

TEST_F(PrefetchWindowTest, ItGrowsWhileAnswersComeAtOnce) {
  const uint64_t before = window_.size_bytes();
  answers(100, milliseconds(20));
  EXPECT_GT(window_.size_bytes(), before + 1'000'000);
}

TEST_F(PrefetchWindowTest, ItShrinksWhenAnswersWaitInAQueueAndRecovers) {
  answers(100, milliseconds(20));
  const uint64_t wide = window_.size_bytes();
  answers(20, milliseconds(80));
  const uint64_t narrow = window_.size_bytes();
  EXPECT_LT(narrow, wide / 2);
  answers(20, milliseconds(25));
  EXPECT_GT(window_.size_bytes(), narrow);
}

TEST_F(PrefetchWindowTest, AJitterOfAFewMillisecondsOnAShortWayIsNoQueue) {
  answers(10, milliseconds(1));
  const uint64_t before = window_.size_bytes();
  answers(10, milliseconds(8));
  EXPECT_GT(window_.size_bytes(), before);
}

TEST_F(PrefetchWindowTest, ItHasRoomForOneHoweverSlowTheLink) {
  answers(1, milliseconds(10));
  answers(20, milliseconds(1400), 4'000'000);
  EXPECT_EQ(window_.size_bytes(), PrefetchWindow::kLeastBytes);
  EXPECT_TRUE(window_.has_room(0));
  EXPECT_FALSE(window_.has_room(1));
}

TEST_F(PrefetchWindowTest, SmallAnswersMayBeManyAndLargeOnesFew) {
  answers(100, milliseconds(20), 10'000);
  EXPECT_TRUE(window_.has_room(20));
  answers(30, milliseconds(90), 1'000'000);
  EXPECT_FALSE(window_.has_room(3));
}

}  // namespace
}  // namespace granary
