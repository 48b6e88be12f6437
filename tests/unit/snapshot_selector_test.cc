#include "fs/client/snapshot_selector.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

using Kind = SnapshotSelector::Kind;

TEST(SnapshotSelector, TakesNamesDatesAndGenerations) {
  EXPECT_EQ(SnapshotSelector::parse("main")->name, "main");
  EXPECT_EQ(SnapshotSelector::parse("main")->kind, Kind::kAny);
  EXPECT_EQ(SnapshotSelector::parse("main~3")->generations_back, 3U);
  const auto then = *SnapshotSelector::parse("main@2026-11-01T12:00~1");
  EXPECT_EQ(then.kind, Kind::kBranch);
  EXPECT_EQ(then.text(), "main@2026-11-01T12:00:00Z~1");
}

TEST(SnapshotSelector, RefusesWhatNamesNothing) {
  for (const char* text : {"", "~1", "main~", "main~x", "main~-1", "main@yesterday", "@2026-11-01"})
    EXPECT_FALSE(SnapshotSelector::parse(text)) << text;
  EXPECT_FALSE(SnapshotSelector::parse("v1@2026-11-01", Kind::kTag));
  for (const char* text : {"abc", "ABCDEF", "xyzxyz"})
    EXPECT_FALSE(SnapshotSelector::parse(text, Kind::kSnapshot)) << text;
}

TEST(SnapshotSelector, OnlyACompleteIdNeedsNobodysWord) {
  const std::string id(64, 'a');
  EXPECT_TRUE(SnapshotSelector::parse(id)->is_complete_id());
  EXPECT_FALSE(SnapshotSelector::parse(id.substr(1))->is_complete_id());
  EXPECT_FALSE(SnapshotSelector::parse(id, Kind::kBranch)->is_complete_id());
}

}  // namespace
}  // namespace granary
