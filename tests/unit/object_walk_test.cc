#include "fs/client/object_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fs/format/noting_reader.h"
#include "tests/support/doctored_catalog.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::IsSupersetOf;

class ObjectWalkTest : public testing::Test {
 protected:
  std::vector<ObjectId> data_below(Catalog& catalog, ByteView path) {
    const auto objects = walk_data(catalog, *catalog.resolve(path), [] { return true; });
    EXPECT_TRUE(objects) << objects.error().message;
    return ids_of(*objects);
  }
  static std::vector<ObjectId> ids_of(const std::vector<WalkedObject>& objects) {
    std::vector<ObjectId> ids;
    for (const WalkedObject& object : objects) ids.push_back(object.id);
    return ids;
  }
  static ObjectId id(const char* content) { return ObjectId::of(content); }

  CatalogWorld world_;
};

TEST_F(ObjectWalkTest, DataComesDepthFirstByNameAndOnce) {
  const auto catalog =
      world_.open(world_
                      .publish({put_directory("a"), put_file("a/z", "az"), put_directory("b"), put_file("b/1", "b1"),
                                put_directory("b/c"), put_file("b/c/x", "bcx"), put_file("b/d", "bd"),
                                put_file("c", "az"), put_file("empty", ""), put_symlink("link", "b")})
                      .catalog);
  EXPECT_THAT(data_below(*catalog, ""), ElementsAre(id("az"), id("b1"), id("bcx"), id("bd")));
  EXPECT_THAT(data_below(*catalog, "b"), ElementsAre(id("b1"), id("bcx"), id("bd")));
  EXPECT_THAT(data_below(*catalog, "b/c/x"), ElementsAre(id("bcx")));
  EXPECT_THAT(data_below(*catalog, "link"), ElementsAre());
}

TEST_F(ObjectWalkTest, ASharedPackIsAsLargeAsItsLastSlice) {
  const ObjectId pack = id("pack");
  Change first = put_file("first", "1234");
  first.slices = {{pack, 100, 4}};
  Change second = put_file("second", "123456");
  second.slices = {{pack, 1000, 6}};
  const auto catalog = world_.open(world_.publish({first, second}).catalog);
  const auto objects = *walk_data(*catalog, *catalog->root(), [] { return true; });
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0].size_bytes, 1006u);
  EXPECT_EQ(objects[0].inode, catalog->resolve("first")->inode);
}

TEST_F(ObjectWalkTest, ItStopsWhenItIsTold) {
  const auto catalog = world_.open(world_.publish({put_file("a", "a")}).catalog);
  const auto stopped = walk_data(*catalog, *catalog->root(), [] { return false; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kUnavailable);
}

TEST_F(ObjectWalkTest, ATreeThatBitesItsTailEnds) {
  const auto published = world_.publish({put_directory("a"), put_directory("a/b"), put_file("a/b/x", "x")});
  const CatalogId looped = doctored(world_.objects, published.catalog,
                                    "UPDATE entry SET inode=(SELECT inode FROM entry WHERE name=CAST('a' AS BLOB)) "
                                    "WHERE name=CAST('b' AS BLOB)");
  const auto catalog = world_.open(looped);
  const auto walked = walk_data(*catalog, *catalog->root(), [] { return true; });
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().code, Code::kCorrupt);
}

// What was recorded while a subtree was walked is enough to look at all of it again, and not the whole catalog.
TEST_F(ObjectWalkTest, WhatASubtreeTakesOfTheCatalogIsEnoughToReadIt) {
  std::vector<Change> changes{put_directory("near"), put_directory("far")};
  for (int i = 0; i < 50; ++i) changes.push_back(put_file(str("near/", i), str("near ", i)));
  for (int i = 0; i < 20'000; ++i) changes.push_back(put_file(str("far/", i), str("far ", i)));
  const CatalogId id = world_.publish(std::move(changes)).catalog;
  NotingReader noting(world_.objects.reader);
  {
    const auto catalog = *Catalog::open(id, noting);
    const Entry top = *catalog->resolve("near");
    ASSERT_TRUE(walk_data(*catalog, top, [] { return true; }));
    ASSERT_TRUE(touch_index(*catalog, top, [] { return true; }));
  }
  const auto whole = ids_of(*walk_catalog(*world_.open(id)));
  std::vector<ObjectId> read;
  for (const auto& noted : noting.take()) read.push_back(noted.id);
  EXPECT_THAT(whole, IsSupersetOf(read));
  EXPECT_LT(read.size(), whole.size() / 2);

  MemObjects few;
  for (const ObjectId& part : read) ASSERT_TRUE(few.writer.write(**world_.objects.reader.read(part)));
  const auto catalog = *Catalog::open(id, few.reader);
  const Entry top = *catalog->resolve("near");
  EXPECT_EQ(walk_data(*catalog, top, [] { return true; })->size(), 50u);
  EXPECT_EQ(*catalog->path_of(top.inode), "near");
  EXPECT_TRUE(catalog->by_inode(catalog->resolve("near/49")->inode));
}

}  // namespace
}  // namespace granary
