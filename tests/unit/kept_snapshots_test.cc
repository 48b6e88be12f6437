#include "fs/client/kept_snapshots.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

ResolvedSnapshot resolved(const std::string& name) {
  ResolvedSnapshot out;
  out.repository = "0f8fad5b-d9cb-469f-a165-70867728950e";
  out.repository_name = "sw.example.org";
  out.url = "http://example.org/sw";
  out.id = Digest::of(name);
  out.snapshot.repository = out.repository;
  out.snapshot.tree = Digest::of(name + " tree");
  out.snapshot.catalog = Digest::of(name + " catalog");
  out.snapshot.parents = {Digest::of("parent")};
  out.snapshot.time = 1'700'000'000;
  out.snapshot.branch = "main";
  out.snapshot.message = name;
  out.snapshot.entries = 7;
  out.snapshot.bytes = 4711;
  out.selector = out.branch = "main";
  out.revision = 12;
  return out;
}

TEST(KeptSnapshotsTest, TheyReadAsTheyWereWritten) {
  KeptSnapshots kept{resolved("new"), {resolved("old"), resolved("older")}, "main", Digest::of("old")};
  kept.former[1].stale_since = 1'700'000'100;
  kept.former[1].withdrawn = Withdrawal{"broken", 1'700'000'200};
  kept.former[1].tag = "v1";
  const auto read = KeptSnapshots::parse(kept.serialise());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->serialise(), kept.serialise());
  EXPECT_EQ(read->current.snapshot, kept.current.snapshot);
  EXPECT_EQ(read->former[0].id, Digest::of("old"));
  EXPECT_EQ(read->former[1].withdrawn->reason, "broken");
  EXPECT_EQ(*read->former[1].stale_since, 1'700'000'100);
  EXPECT_EQ(read->following, "main");
  EXPECT_EQ(*read->forgetting, Digest::of("old"));
}

TEST(KeptSnapshotsTest, TheOldestAreLeftOutWhenThereIsNoRoom) {
  KeptSnapshots kept{resolved("new"), {}, "main", {}};
  for (int i = 0; i < 100; ++i) {
    kept.former.push_back(resolved(std::to_string(i)));
    kept.former.back().snapshot.message = std::string(60'000, 'm');
  }
  const Bytes text = kept.serialise();
  EXPECT_LE(text.size(), KeptSnapshots::kMaxBytes);
  const auto read = KeptSnapshots::parse(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_GT(read->former.size(), 5U);
  EXPECT_LT(read->former.size(), KeptSnapshots::kMaxFormer);
  EXPECT_EQ(read->former[0].id, Digest::of("0"));
}

TEST(KeptSnapshotsTest, WhatIsNotWellFormedIsRefused) {
  const Bytes text = KeptSnapshots{resolved("new"), {resolved("old")}, "main", {}}.serialise();
  EXPECT_FALSE(KeptSnapshots::parse(""));
  EXPECT_FALSE(KeptSnapshots::parse(text.substr(0, text.size() / 2)));
  ResolvedSnapshot other = resolved("old");
  other.repository = "1f8fad5b-d9cb-469f-a165-70867728950e";
  EXPECT_FALSE(KeptSnapshots::parse(KeptSnapshots{resolved("new"), {other}, "main", {}}.serialise()));
}

}  // namespace
}  // namespace granary
