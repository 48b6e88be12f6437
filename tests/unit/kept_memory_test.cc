#include "fs/fuse/kept_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "fs/base/file.h"

namespace granary {
namespace {

class KeptMemoryTest : public testing::Test {
 protected:
  std::optional<Bytes> as_the_next_worker() const {
    auto next = KeptMemory::adopt(UniqueFd(::dup(memory_.fd())));
    EXPECT_TRUE(next);
    return next->kept();
  }
  void damage(size_t at, ByteView bytes) { ASSERT_TRUE(write_all_at(memory_.fd(), static_cast<off_t>(at), bytes)); }

  KeptMemory memory_ = *KeptMemory::create();
};

TEST_F(KeptMemoryTest, HoldsNothingAtFirst) {
  EXPECT_FALSE(memory_.kept());
  EXPECT_FALSE(as_the_next_worker());
}

TEST_F(KeptMemoryTest, TheNextWorkerFindsWhatWasKeptLast) {
  for (const char* text : {"one", "two", "three", "", "five"}) {
    ASSERT_TRUE(memory_.keep(text));
    EXPECT_EQ(memory_.kept(), text);
    EXPECT_EQ(as_the_next_worker(), text);
  }
}

TEST_F(KeptMemoryTest, TheNextWorkerGoesOnWhereTheLastOneStopped) {
  for (int i = 0; i < 5; ++i) {
    auto next = *KeptMemory::adopt(UniqueFd(::dup(memory_.fd())));
    ASSERT_TRUE(next.keep(str("worker ", i)));
    EXPECT_EQ(as_the_next_worker(), str("worker ", i));
  }
}

// An upgrade: the next worker gets ready beside the one that still serves.
TEST_F(KeptMemoryTest, WhatWasKeptAfterTheNextWorkerWasStartedCounts) {
  ASSERT_TRUE(memory_.keep("before"));
  auto next = *KeptMemory::adopt(UniqueFd(::dup(memory_.fd())));
  for (const char* text : {"meanwhile", "and again"}) ASSERT_TRUE(memory_.keep(text));
  EXPECT_EQ(next.kept(), "and again");
  ASSERT_TRUE(next.keep("after"));
  EXPECT_EQ(as_the_next_worker(), "after");
}

TEST_F(KeptMemoryTest, AHalfWrittenCopyLeavesTheOneBeforeIt) {
  ASSERT_TRUE(memory_.keep("before"));  // the first lies in the second place
  ASSERT_TRUE(memory_.keep("after"));
  damage(KeptMemory::kHeaderBytes, "A");
  EXPECT_EQ(as_the_next_worker(), "before");
  damage(KeptMemory::kCopyBytes, "\xff");  // the number
  EXPECT_FALSE(as_the_next_worker());
}

TEST_F(KeptMemoryTest, TakesWhatFitsAndRefusesMore) {
  ASSERT_TRUE(memory_.keep(Bytes(KeptMemory::kMaxBytes, 'x')));
  EXPECT_EQ(as_the_next_worker()->size(), KeptMemory::kMaxBytes);
  EXPECT_EQ(memory_.keep(Bytes(KeptMemory::kMaxBytes + 1, 'x')).error().code, Code::kInvalid);
  EXPECT_EQ(as_the_next_worker()->size(), KeptMemory::kMaxBytes);
}

TEST_F(KeptMemoryTest, AnotherKindOfMemoryIsRefused) {
  EXPECT_FALSE(KeptMemory::adopt(UniqueFd(::memfd_create("other", MFD_CLOEXEC))));
  EXPECT_FALSE(KeptMemory::adopt(UniqueFd()));
}

}  // namespace
}  // namespace granary
