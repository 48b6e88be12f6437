#include "server/content_index.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fs/store/dir_store.h"
#include "support/memory_catalog.h"

namespace granary {
namespace {

struct ContentIndexTest : testing::Test {
  TemporaryDirectory directory = std::move(*TemporaryDirectory::make());
  DirStore store{directory.path()};
  MemoryCatalog catalog;

  std::unique_ptr<ContentIndex> open() {
    auto index = ContentIndex::open(directory.path() + "/index", store, directory.path());
    EXPECT_TRUE(index) << index.error().message;
    return std::move(*index);
  }
  // A file of the catalog, in an object of its own.
  Change file(const Bytes& path, const Bytes& text) {
    EXPECT_TRUE(store.put(ObjectId::of(text), encode_object(text, {})));
    Change change;
    change.path = path;
    change.node.size_bytes = text.size();
    change.node.digest = Digest::of(text);
    change.slices = {{ObjectId::of(text), 0, text.size()}};
    return change;
  }
  static FileStat stat(uint64_t size, uint32_t ctime_ns = 0) {
    FileStat stat;
    stat.size_bytes = size;
    stat.ctime_ns = ctime_ns;
    return stat;
  }
};

TEST_F(ContentIndexTest, KnowsTheContentsOfABaseAfterOneScan) {
  ASSERT_TRUE(catalog.apply({{file("a", "wheat")}}));
  EXPECT_FALSE(open()->find(Digest::of("wheat")));
  ASSERT_TRUE(open()->prepare(catalog));
  EXPECT_EQ(open()->find(Digest::of("wheat"))->at(0).object, Digest::of("wheat"));
}

TEST_F(ContentIndexTest, BelievesOnlyInObjectsThatExist) {
  ASSERT_TRUE(catalog.apply({{file("a", "wheat")}}));
  auto index = open();
  ASSERT_TRUE(index->prepare(catalog));
  std::filesystem::remove(store.path_of(Digest::of("wheat")));
  EXPECT_FALSE(index->find(Digest::of("wheat")));
}

TEST_F(ContentIndexTest, RecognisesAFileByItsStatAndNothingElse) {
  ASSERT_TRUE(catalog.apply({{file("a", "wheat")}}));
  {
    auto index = open();
    ASSERT_TRUE(index->prepare(catalog));
    index->remember("/src", "a", stat(5), Digest::of("wheat"));
  }
  auto index = open();
  EXPECT_EQ(index->find("/src", "a", stat(5))->digest, Digest::of("wheat"));
  EXPECT_FALSE(index->find("/src", "a", stat(5, 1)));
  EXPECT_FALSE(index->find("/src", "b", stat(5)));
  EXPECT_FALSE(index->find("/other", "a", stat(5)));
}

TEST_F(ContentIndexTest, ACommitIsKnownWithoutAnotherScan) {
  const ChangeSet changes{{file("new", "rye")}};
  auto index = open();
  ASSERT_TRUE(index->note_commit(changes, catalog.id()));
  EXPECT_TRUE(index->find(Digest::of("rye")));
  ASSERT_TRUE(catalog.apply({{file("unscanned", "oats")}}));  // the same id, so that a scan would show
  ASSERT_TRUE(index->prepare(catalog));
  EXPECT_FALSE(index->find(Digest::of("oats")));
}

TEST_F(ContentIndexTest, WhoComesSecondWorksWithATemporaryIndex) {
  ASSERT_TRUE(catalog.apply({{file("a", "wheat")}}));
  auto first = open();
  auto second = open();
  EXPECT_FALSE(first->is_temporary());
  ASSERT_TRUE(second->is_temporary());
  ASSERT_TRUE(second->prepare(catalog));
  EXPECT_TRUE(second->find(Digest::of("wheat")));
  second.reset();
  first.reset();
  EXPECT_FALSE(open()->is_temporary());
}

TEST_F(ContentIndexTest, DamageIsCuredByBeginningAnew) {
  ASSERT_TRUE(catalog.apply({{file("a", "wheat")}}));
  ASSERT_TRUE(open()->prepare(catalog));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path() + "/index/leveldb")) {
    if (entry.is_regular_file()) std::ofstream(entry.path(), std::ios::binary) << "this is not what it was";
  }
  auto index = open();
  EXPECT_FALSE(index->find(Digest::of("wheat")));
  ASSERT_TRUE(index->prepare(catalog));
  EXPECT_TRUE(index->find(Digest::of("wheat")));
}

TEST_F(ContentIndexTest, OnlyTheSourcesUsedLastAreRemembered) {
  const FileStat empty = stat(0);
  for (int i = 0; i < 40; ++i) open()->remember(str("/tmp/cook.", i), "a", empty, Digest::of(""));
  size_t remembered = 0;
  auto index = open();
  for (int i = 0; i < 40; ++i) remembered += index->find(str("/tmp/cook.", i), "a", empty).has_value();
  EXPECT_EQ(remembered, 16u);
}

}  // namespace
}  // namespace granary
