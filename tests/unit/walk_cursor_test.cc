#include "fs/client/walk_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/changes.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class WalkCursorTest : public testing::Test {
 protected:
  // The names that come after `path`, up to `at_most`.
  std::vector<Bytes> after(ByteView path, size_t at_most = 10'000) {
    const Entry entry = *catalog_->resolve(path);
    WalkCursor cursor(*catalog_, entry.parent, entry.name);
    std::vector<Bytes> names;
    while (names.size() < at_most) {
      const auto files = cursor.next();
      EXPECT_TRUE(files) << files.error().message;
      if (!files || files->empty()) break;
      for (const Entry& file : *files) names.push_back(file.name);
    }
    return names;
  }
  void publish(std::vector<Change> changes) { catalog_ = world_.open(world_.publish(std::move(changes)).catalog); }

  CatalogWorld world_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(WalkCursorTest, ItGoesOnInTheOrderOfTheTreeDownAndUp) {
  publish({put_directory("a"), put_directory("a/b"), put_file("a/b/1", "x"), put_file("a/b/2", "x"),
           put_file("a/c", "x"), put_directory("d"), put_file("d/3", "x"), put_file("e", "x")});
  EXPECT_THAT(after("a/b/1"), ElementsAre("2", "c", "3", "e"));
  EXPECT_THAT(after("a/c"), ElementsAre("3", "e"));
  EXPECT_THAT(after("e"), IsEmpty());
}

TEST_F(WalkCursorTest, WhatHasNoBytesIsLeftOut) {
  publish({put_directory("a"), put_directory("a/empty"), put_file("a/nothing", ""), put_symlink("a/link", "x"),
           put_file("a/some", "x"), put_file("b", "x")});
  EXPECT_THAT(after("a"), ElementsAre("b"));
  EXPECT_THAT(after("a/empty"), ElementsAre("some", "b"));
}

TEST_F(WalkCursorTest, LargeDirectoriesComePieceByPieceAndWhole) {
  std::vector<Change> changes{put_directory("d")};
  for (int i = 1000; i < 2000; ++i) changes.push_back(put_file(str("d/", i), i % 2 == 0 ? "x" : ""));
  changes.push_back(put_file("end", "x"));
  publish(std::move(changes));
  const auto names = after("d/1000");
  ASSERT_EQ(names.size(), 500U);
  EXPECT_EQ(names.front(), "1002");
  EXPECT_EQ(names.back(), "end");
}

}  // namespace
}  // namespace granary
