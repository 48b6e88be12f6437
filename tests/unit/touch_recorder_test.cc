#include "fs/client/touch_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace granary {
namespace {

using testing::ElementsAre;
using testing::Pair;
constexpr uint64_t kGranule = TouchRecorder::kGranuleBytes;

std::vector<InodeNumber> inodes_of(const TouchRecorder::Recording& recording) {
  std::vector<InodeNumber> out;
  for (const Touched& touched : recording.touched) out.push_back(touched.inode);
  return out;
}

TEST(TouchRecorder, NothingIsTakenInUnlessSomebodyStartedIt) {
  TouchRecorder recorder;
  recorder.directory(1);
  recorder.file(16, 0, 100);
  EXPECT_FALSE(recorder.progress());
  EXPECT_EQ(recorder.stop().error().code, Code::kNotFound);

  ASSERT_TRUE(recorder.start(1000));
  EXPECT_TRUE(recorder.stop()->touched.empty());
  recorder.directory(1);
  ASSERT_TRUE(recorder.start(2000));
  EXPECT_TRUE(recorder.stop()->touched.empty());
}

TEST(TouchRecorder, WhatIsTouchedStandsInOrderOfItsFirstTouch) {
  TouchRecorder recorder;
  ASSERT_TRUE(recorder.start(1000));
  recorder.directory(1);
  recorder.directory(20);
  recorder.file(31, 0, 10);
  recorder.directory(1);
  recorder.file(30, 0, 10);
  recorder.file(31, 5, 10);
  const auto recording = *recorder.stop();
  EXPECT_THAT(inodes_of(recording), ElementsAre(1, 20, 31, 30));
  EXPECT_EQ(recording.started_at, 1000);
  EXPECT_FALSE(recording.truncated);
}

TEST(TouchRecorder, RangesOfAFileAreRoundedOutAndMerged) {
  TouchRecorder recorder;
  ASSERT_TRUE(recorder.start(0));
  recorder.file(16, 4 * kGranule + 1, 10);
  recorder.file(16, 0, 1);
  recorder.file(16, 2 * kGranule, kGranule);
  EXPECT_EQ(recorder.progress()->bytes, 3 * kGranule);
  recorder.file(16, kGranule + 5, 20);      // closes the first gap
  recorder.file(16, 4 * kGranule + 50, 1);  // known
  recorder.file(16, 2 * kGranule, 5 * kGranule);
  recorder.file(16, 9 * kGranule - 1, 2);  // across an edge
  EXPECT_EQ(recorder.progress()->bytes, 9 * kGranule);
  EXPECT_EQ(recorder.progress()->files, 1U);
  EXPECT_THAT(recorder.stop()->touched.at(0).ranges,
              ElementsAre(Pair(0, 7 * kGranule), Pair(8 * kGranule, 10 * kGranule)));
}

TEST(TouchRecorder, ASecondRecordingAtTheSameTimeIsRefused) {
  TouchRecorder recorder;
  ASSERT_TRUE(recorder.start(0));
  const Status second = recorder.start(5);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kBusy);
  EXPECT_NE(second.error().message.find("1970-01-01T00:00:00Z"), std::string::npos) << second.error().message;
}

TEST(TouchRecorder, WhenItIsFullItSaysSoAndTakesInNoMore) {
  TouchRecorder recorder;
  ASSERT_TRUE(recorder.start(0));
  for (InodeNumber inode = 1; inode <= TouchRecorder::kMaxTouches; ++inode) recorder.directory(inode);
  EXPECT_FALSE(recorder.progress()->truncated);
  recorder.directory(TouchRecorder::kMaxTouches + 1);
  recorder.file(TouchRecorder::kMaxTouches + 2, 0, 1);
  EXPECT_TRUE(recorder.progress()->truncated);
  const auto recording = *recorder.stop();
  EXPECT_TRUE(recording.truncated);
  EXPECT_EQ(recording.touched.size(), TouchRecorder::kMaxTouches);
}

TEST(TouchRecorder, RangesThatMergedTakeNoRoom) {
  TouchRecorder recorder;
  ASSERT_TRUE(recorder.start(0));
  for (uint64_t i = 0; i < 2 * TouchRecorder::kMaxTouches; ++i) recorder.file(16, i * kGranule, kGranule);
  const auto recording = *recorder.stop();
  EXPECT_FALSE(recording.truncated);
  EXPECT_EQ(recording.touched.at(0).ranges.size(), 1U);
}

TEST(TouchRecorder, ManyThreadsMayTouchWhileOthersStartAndStop) {
  TouchRecorder recorder;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&recorder, t] {
      for (InodeNumber i = 16; i < 5000; ++i) {
        recorder.directory(i + t);
        recorder.file(i + t + 100'000, i * 7, 100);
      }
    });
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(recorder.start(i));
    static_cast<void>(recorder.progress());
    EXPECT_TRUE(recorder.stop());
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace granary
