#include <gmock/gmock.h>

#include "tests/support/doctored_catalog.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CatalogDiffTest : public testing::Test {
 protected:
  // "+path", "-path" and "~path", in the order visited.
  std::vector<std::string> diff(const CatalogId& before, const CatalogId& after) {
    auto old_catalog = world_.open(before);
    auto new_catalog = world_.open(after);
    std::vector<std::string> out;
    EXPECT_TRUE(diff_catalogs(*old_catalog, *new_catalog, [&](Difference&& difference) {
      EXPECT_EQ(difference.before.has_value(), difference.kind != Difference::Kind::kAdded);
      EXPECT_EQ(difference.after.has_value(), difference.kind != Difference::Kind::kRemoved);
      out.push_back("+-~"[static_cast<int>(difference.kind)] + difference.path);
      return true;
    }));
    return out;
  }
  bool only_below(const CatalogId& before, const CatalogId& after, const std::vector<Bytes>& paths) {
    auto old_catalog = world_.open(before);
    auto new_catalog = world_.open(after);
    const auto answer = changed_only_below(*old_catalog, *new_catalog, paths);
    EXPECT_TRUE(answer);
    return *answer;
  }
  InodeNumber inode(const CatalogId& id, ByteView path) { return world_.open(id)->resolve(path)->inode; }

  CatalogWorld world_;
};

TEST_F(CatalogDiffTest, EqualTreesDoNotDifferWhateverTheirHistory) {
  const auto first = world_.publish({put_file("a", "1"), put_file("b", "2")});
  const auto second = world_.publish(world_.publish({put_file("b", "2")}).catalog, {put_file("a", "1")});
  EXPECT_NE(first.catalog, second.catalog);
  EXPECT_THAT(diff(first.catalog, second.catalog), IsEmpty());
}

TEST_F(CatalogDiffTest, DifferencesComeInTheOrderOfAWalk) {
  const auto first =
      world_.publish({put_directory("a"), put_file("a/x", "1"), put_file("a-b", "1"), put_directory("gone"),
                      put_directory("gone/too"), put_file("gone/too/x", "1"), put_file("same", "1")});
  const auto second = world_.publish(first.catalog, {put_file("a/x", "2"), put_file("a-b", "2"), remove_path("gone"),
                                                     put_directory("new"), put_file("new/x", "1")});
  EXPECT_THAT(diff(first.catalog, second.catalog),
              ElementsAre("~a/x", "~a-b", "-gone", "-gone/too", "-gone/too/x", "+new", "+new/x"));
  EXPECT_THAT(diff(second.catalog, first.catalog),
              ElementsAre("~a/x", "~a-b", "+gone", "+gone/too", "+gone/too/x", "-new", "-new/x"));
}

TEST_F(CatalogDiffTest, ADirectoryIsChangedOnlyByItsOwnMetadata) {
  const auto first = world_.publish({put_directory("a"), put_directory("b"), put_file("b/x", "1")});
  Change touched = put_directory("a");
  touched.node.mtime_ns = 6;
  const auto second =
      world_.publish(first.catalog, {touched, put_file("b/x", "2"), with_mode(put_directory(""), 0700)});
  EXPECT_THAT(diff(first.catalog, second.catalog), ElementsAre("~", "~a", "~b/x"));
}

TEST_F(CatalogDiffTest, AnotherTypeIsAChangeAndTakesTheContentsAlong) {
  const auto first = world_.publish({put_directory("a"), put_file("a/x", "1"), put_file("b", "1")});
  const auto second = world_.publish({put_file("a", "1"), put_directory("b"), put_file("b/x", "1")});
  EXPECT_THAT(diff(first.catalog, second.catalog), ElementsAre("~a", "-a/x", "~b", "+b/x"));
}

TEST_F(CatalogDiffTest, RegroupedHardLinksAreChangedEvenBelowEqualDirectories) {
  const auto tree = [](uint64_t x, uint64_t y, uint64_t z) {
    return std::vector<Change>{put_directory("a"),
                               put_directory("a/b"),
                               grouped(put_file("a/b/x", "1"), x),
                               grouped(put_file("a/b/y", "1"), y),
                               put_directory("c"),
                               grouped(put_file("c/z", "1"), z)};
  };
  const auto apart = world_.publish(tree(0, 0, 0));
  const auto across = world_.publish(tree(1, 0, 1));
  const auto inside = world_.publish(tree(1, 1, 0));
  const auto all = world_.publish(tree(1, 1, 1));
  EXPECT_THAT(diff(apart.catalog, across.catalog), ElementsAre("~a/b/x", "~c/z"));
  EXPECT_THAT(diff(across.catalog, apart.catalog), ElementsAre("~a/b/x", "~c/z"));
  EXPECT_THAT(diff(apart.catalog, inside.catalog), ElementsAre("~a/b/x", "~a/b/y"));
  EXPECT_THAT(diff(inside.catalog, all.catalog), ElementsAre("~a/b/x", "~a/b/y", "~c/z"));
  EXPECT_THAT(diff(across.catalog, inside.catalog), ElementsAre("~a/b/x", "~a/b/y", "~c/z"));
}

TEST_F(CatalogDiffTest, ALoopOfDirectoriesEndsInAnError) {
  const auto first = world_.publish({put_directory("a"), put_directory("a/b")});  // inodes 16 and 17
  const auto loop = doctored(world_.objects, first.catalog, "UPDATE entry SET inode=16 WHERE inode=17");
  const auto empty = world_.publish(ChangeSet{});
  auto before = world_.open(empty.catalog);
  auto after = world_.open(loop);
  EXPECT_EQ(diff_catalogs(*before, *after, [](Difference&&) { return true; }).error().code, Code::kCorrupt);
  EXPECT_EQ(diff_catalogs(*after, *before, [](Difference&&) { return true; }).error().code, Code::kCorrupt);
}

TEST_F(CatalogDiffTest, TheVisitorMayStop) {
  const auto first = world_.publish({put_file("a", "1"), put_file("b", "1")});
  const auto second = world_.publish({put_file("a", "2"), put_file("b", "2")});
  auto before = world_.open(first.catalog);
  auto after = world_.open(second.catalog);
  int visited = 0;
  EXPECT_TRUE(diff_catalogs(*before, *after, [&](Difference&&) { return ++visited < 1; }));
  EXPECT_EQ(visited, 1);
}

TEST_F(CatalogDiffTest, OnlyWhatDiffersIsRead) {
  std::vector<Change> changes;
  for (int i = 0; i < 20'000; ++i) changes.push_back(put_file(str("d", i / 100, "/file-", i), str(i)));
  for (int i = 0; i < 200; ++i) changes.push_back(put_directory(str("d", i)));
  const auto first = world_.publish(std::move(changes));
  const auto second = world_.publish(first.catalog, {put_file("d100/file-10050", "changed")});
  world_.objects.store.forget_reads();
  EXPECT_THAT(diff(first.catalog, second.catalog), ElementsAre("~d100/file-10050"));
  EXPECT_LT(world_.objects.store.total_reads(), 20U);
}

TEST_F(CatalogDiffTest, DirectoriesOfAnySizeAreJoined) {
  std::vector<Change> changes;
  for (int i = 0; i < 3000; ++i) changes.push_back(put_file(str(i), "x"));
  const auto first = world_.publish(changes);
  const auto second = world_.publish(first.catalog, {remove_path("0"), put_file("1500", "y"), put_file("9999", "z")});
  EXPECT_THAT(diff(first.catalog, second.catalog), ElementsAre("-0", "~1500", "+9999"));
}

TEST_F(CatalogDiffTest, AChangeBelowAPathStaysBelowIt) {
  const auto first = world_.publish({put_directory("usr"), put_directory("usr/local"), put_directory("usr/local/bin"),
                                     put_file("usr/x", "1"), put_file("usr/local/x", "1")});
  Change touched = put_directory("usr");
  touched.node.mtime = 1;
  const auto second =
      world_.publish(first.catalog, {touched, put_file("usr/local/x", "2"), remove_path("usr/local/bin")});
  EXPECT_TRUE(only_below(first.catalog, second.catalog, {"usr/local"}));
  EXPECT_TRUE(only_below(first.catalog, second.catalog, {""}));
  EXPECT_TRUE(only_below(first.catalog, second.catalog, {"usr/local/x", "usr/local/bin"}));
  EXPECT_TRUE(only_below(second.catalog, first.catalog, {"srv", "usr/local"}));
  EXPECT_FALSE(only_below(first.catalog, second.catalog, {"usr/local/x"}));
  EXPECT_FALSE(only_below(first.catalog, second.catalog, {"usr/loc"}));
  EXPECT_FALSE(only_below(first.catalog, second.catalog, {}));
  EXPECT_TRUE(only_below(first.catalog, first.catalog, {}));
}

TEST_F(CatalogDiffTest, OutsideAPathNothingButTimesAboveItMayChange) {
  const std::vector<Change> base{put_directory("usr"), put_directory("usr/local"), put_file("usr/x", "1")};
  const auto first = world_.publish(base);
  for (const Change& change : {with_mode(put_directory("usr"), 0700), put_file("usr/x", "2"), put_file("usr/y", "1"),
                               remove_path("usr/x"), with_mode(put_directory(""), 0700), put_file("usr", "1")}) {
    const auto second = world_.publish(first.catalog, {change});
    EXPECT_FALSE(only_below(first.catalog, second.catalog, {"usr/local"})) << change.path;
  }
  const auto added = world_.publish(first.catalog, {put_directory("usr/opt"), put_file("usr/opt/x", "1")});
  EXPECT_TRUE(only_below(first.catalog, added.catalog, {"usr/opt"}));
}

TEST_F(CatalogDiffTest, AHardLinkAcrossTheBorderIsAChangeOutside) {
  const auto first = world_.publish({put_directory("in"), put_file("in/x", "1"), put_file("out", "1")});
  const auto linked =
      world_.publish({put_directory("in"), grouped(put_file("in/x", "1"), 1), grouped(put_file("out", "1"), 1)});
  EXPECT_FALSE(only_below(first.catalog, linked.catalog, {"in"}));
  const auto inside = world_.publish({put_directory("in"), grouped(put_file("in/x", "1"), 1),
                                      grouped(put_file("in/y", "1"), 1), put_file("out", "1")});
  EXPECT_TRUE(only_below(first.catalog, inside.catalog, {"in"}));
}

}  // namespace
}  // namespace granary
