#include "fs/client/trust_memory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <thread>

#include "fs/base/file.h"

namespace granary {
namespace {

constexpr char kRepository[] = "0f8fad5b-d9cb-469f-a165-70867728950e";

Seen seen_at(uint64_t revision) {
  Seen seen;
  seen.root_version = 1;
  seen.root = Digest::of("root 1");
  seen.release_keys = Digest::of("release keys");
  seen.revision = revision;
  seen.record = Digest::of(str("record ", revision));
  seen.branches["main"] = {revision, Digest::of(str("snapshot ", revision))};
  seen.tags["v1"] = Digest::of("snapshot 1");
  seen.timestamp_keys = Digest::of("timestamp keys");
  seen.timestamp = 1'800'000'000 + static_cast<UnixSeconds>(revision);
  return seen;
}

class TrustMemoryTest : public testing::Test {
 protected:
  TemporaryDirectory directory_ = *TemporaryDirectory::make();
  TrustMemory memory_{directory_.path() + "/seen"};
};

TEST_F(TrustMemoryTest, AFreshMemoryKnowsNothing) { EXPECT_EQ(*memory_.load(kRepository), Seen{}); }

TEST_F(TrustMemoryTest, WhatIsRememberedComesBack) {
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(7)));
  EXPECT_EQ(*memory_.load(kRepository), seen_at(7));
}

TEST_F(TrustMemoryTest, OnlyTheOwnerCanReadIt) {
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(7)));
  struct stat info {};
  ASSERT_EQ(::stat(memory_.path_of(kRepository).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(TrustMemoryTest, TheHigherOfTwoWins) {
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(9)));
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(7)));
  EXPECT_EQ(*memory_.load(kRepository), seen_at(9));
  Seen other = seen_at(8);
  other.branches["test"] = {8, Digest::of("test")};
  ASSERT_TRUE(memory_.remember(kRepository, other));
  EXPECT_EQ(memory_.load(kRepository)->revision, 9U);
  EXPECT_EQ(memory_.load(kRepository)->branches.at("test").sequence, 8U);
}

TEST_F(TrustMemoryTest, RepositoriesAreApart) {
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(9)));
  EXPECT_EQ(*memory_.load("7c9e6679-7425-40de-944b-e07fc1f90ae7"), Seen{});
}

TEST_F(TrustMemoryTest, AMemoryOfAnotherRepositoryIsRefused) {
  const std::string other = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(9)));
  ASSERT_EQ(::rename(memory_.path_of(kRepository).c_str(), memory_.path_of(other).c_str()), 0);
  EXPECT_EQ(memory_.load(other).error().code, Code::kCorrupt);
}

TEST_F(TrustMemoryTest, TwoRecordsUnderOneRevisionAreReported) {
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(9)));
  Seen other = seen_at(9);
  other.record = Digest::of("another record 9");
  EXPECT_EQ(memory_.remember(kRepository, other).error().code, Code::kEquivocation);
  EXPECT_EQ(*memory_.load(kRepository), seen_at(9));
}

TEST_F(TrustMemoryTest, ANewerRootThatChangedTheKeysForgetsWhatTheyTaught) {
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(1'000'000)));
  Seen recovered = seen_at(10);
  recovered.root_version = 2;
  recovered.root = Digest::of("root 2");
  recovered.release_keys = Digest::of("other release keys");
  ASSERT_TRUE(memory_.remember(kRepository, recovered));
  EXPECT_EQ(memory_.load(kRepository)->revision, 10U);
  EXPECT_EQ(memory_.load(kRepository)->timestamp, seen_at(1'000'000).timestamp);  // that role kept its keys
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(1'000'000)));                 // a process that had not heard of it
  EXPECT_EQ(memory_.load(kRepository)->revision, 10U);
}

TEST_F(TrustMemoryTest, ADamagedMemoryIsAnErrorThatSaysWhatToDo) {
  ASSERT_TRUE(memory_.remember(kRepository, seen_at(9)));
  for (const char* damage : {"", "{", "{\"granary\":\"seen\",\"format\":1}"}) {
    ASSERT_TRUE(replace_file(memory_.path_of(kRepository), damage, 0600, Durability::kFast));
    const auto seen = memory_.load(kRepository);
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().code, Code::kCorrupt);
    EXPECT_NE(seen.error().message.find("remove that file"), std::string::npos);
    EXPECT_EQ(memory_.remember(kRepository, seen_at(10)).error().code, Code::kCorrupt);
  }
}

TEST_F(TrustMemoryTest, ManyWritersAtOnceLoseNothing) {
  std::vector<std::thread> writers;
  for (uint64_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint64_t i = 1; i <= 10; ++i) {
        Seen seen = seen_at(i);
        seen.branches[str("branch-", writer)] = {i, Digest::of(str("snapshot ", i))};
        EXPECT_TRUE(memory_.remember(kRepository, seen));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const Seen seen = *memory_.load(kRepository);
  EXPECT_EQ(seen.revision, 10U);
  for (int writer = 0; writer < 4; ++writer) EXPECT_EQ(seen.branches.at(str("branch-", writer)).sequence, 10U);
}

}  // namespace
}  // namespace granary
