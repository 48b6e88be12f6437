#include "server/merge.h"

#include <gmock/gmock.h>

#include "tests/support/changes.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Change at_time(Change change, int64_t mtime) {
  change.node.mtime = mtime;
  return change;
}

// One base, on which two publishers build.
class MergeTest : public testing::Test {
 protected:
  MergeTest() {
    base_ = world_.publish({put_directory("etc"), put_file("etc/motd", "hello"), put_directory("usr"),
                            put_directory("usr/bin"), put_file("usr/bin/tool", "tool"), put_directory("links"),
                            grouped(put_file("links/a", "linked"), 1), grouped(put_file("links/b", "linked"), 1)});
  }

  Merge merge(std::vector<Change> ours, std::vector<Change> theirs) {
    const auto moved = world_.publish(base_.catalog, std::move(theirs));
    moved_ = moved.catalog;
    auto merged = merge_changes(change_set(std::move(ours)), *world_.open(base_.catalog), *world_.open(moved.catalog));
    EXPECT_TRUE(merged) << merged.error().message;
    return std::move(*merged);
  }
  std::vector<std::string> conflicts(std::vector<Change> ours, std::vector<Change> theirs) {
    return merge(std::move(ours), std::move(theirs)).conflicts;
  }

  CatalogWorld world_;
  CatalogWorld::Finished base_;
  CatalogId moved_;
};

TEST_F(MergeTest, DisjointChangesGiveTheTreeThatOnePublisherWouldHaveMade) {
  const std::vector<Change> ours{put_file("etc/motd", "ours"), put_directory("opt"), put_file("opt/x", "x")};
  const std::vector<Change> theirs{put_file("usr/bin/tool", "theirs"), remove_path("links/b")};

  const Merge merged = merge(ours, theirs);

  ASSERT_THAT(merged.conflicts, IsEmpty());
  std::vector<Change> both = ours;
  both.insert(both.end(), theirs.begin(), theirs.end());
  EXPECT_EQ(world_.publish(moved_, merged.replay).tree, world_.publish(base_.catalog, both).tree);
}

TEST_F(MergeTest, TheSamePathMadeDifferentIsAConflictThatNamesIt) {
  EXPECT_THAT(conflicts({put_file("etc/motd", "ours")}, {put_file("etc/motd", "theirs")}),
              ElementsAre(HasSubstr("/etc/motd")));
  EXPECT_THAT(conflicts({put_file("new", "ours")}, {put_file("new", "theirs")}), ElementsAre(HasSubstr("/new")));
  EXPECT_THAT(conflicts({remove_path("etc/motd")}, {put_file("etc/motd", "theirs")}),
              ElementsAre(HasSubstr("/etc/motd")));
  EXPECT_THAT(conflicts({put_file("etc/motd", "ours")}, {remove_path("etc/motd")}),
              ElementsAre(HasSubstr("/etc/motd")));
}

TEST_F(MergeTest, EqualChangesOnBothSidesAreDoneOnce) {
  const Merge merged =
      merge({put_file("new", "same"), remove_path("etc/motd")}, {put_file("new", "same"), remove_path("etc/motd")});
  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_THAT(merged.replay.changes, IsEmpty());
}

TEST_F(MergeTest, RemovingWhatTheOtherChangedBelowIsAConflictEitherWay) {
  EXPECT_THAT(conflicts({remove_path("usr")}, {put_file("usr/bin/new", "x")}), ElementsAre(HasSubstr("/usr/bin")));
  EXPECT_THAT(conflicts({put_file("usr/bin/new", "x")}, {remove_path("usr")}), ElementsAre(HasSubstr("/usr")));
  EXPECT_THAT(conflicts({put_symlink("usr", "elsewhere")}, {put_file("usr/bin/new", "x")}),
              ElementsAre(HasSubstr("below it")));
}

TEST_F(MergeTest, RemovingWhatTheOtherRemovedInPartIsNone) {
  EXPECT_THAT(conflicts({remove_path("usr")}, {remove_path("usr/bin/tool")}), ElementsAre());
  EXPECT_THAT(conflicts({remove_path("usr/bin/tool")}, {remove_path("usr")}), ElementsAre());
}

TEST_F(MergeTest, TimesOfDirectoriesNeverConflictAndTheLaterWins) {
  for (const int64_t later : {1'800'000'000, 1'600'000'000}) {
    const Merge merged = merge({at_time(put_directory("etc"), later)}, {at_time(put_directory("etc"), 1'750'000'000)});
    ASSERT_THAT(merged.conflicts, IsEmpty());
    world_.publish(moved_, merged.replay);
    EXPECT_EQ(merged.replay.changes.size(), later > 1'750'000'000 ? 1U : 0U);
  }
}

TEST_F(MergeTest, OtherMetadataOfADirectoryConflictsOnlyWhenBothChangedIt) {
  const auto mode = [](uint32_t bits) { return std::vector<Change>{with_mode(put_directory("etc"), bits)}; };
  EXPECT_THAT(conflicts(mode(0700), mode(0750)), ElementsAre(HasSubstr("/etc")));
  EXPECT_THAT(conflicts(mode(0700), {at_time(put_directory("etc"), 1'800'000'000)}), IsEmpty());
  EXPECT_THAT(conflicts({at_time(put_directory("etc"), 1'800'000'000)}, mode(0700)), IsEmpty());
}

TEST_F(MergeTest, AHardLinkGroupChangedByBothIsAConflict) {
  const std::vector<Change> ours{grouped(put_file("links/a", "ours"), 1), grouped(put_file("links/b", "ours"), 1)};
  EXPECT_THAT(conflicts(ours, {remove_path("links/b")}), testing::Not(IsEmpty()));
  EXPECT_THAT(conflicts(ours, {with_mode(put_file("etc/motd", "hello"), 0600)}), IsEmpty());
}

}  // namespace
}  // namespace granary
