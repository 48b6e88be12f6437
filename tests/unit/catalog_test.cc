#include "fs/format/catalog.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/support/doctored_catalog.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CatalogTest : public testing::Test {
 protected:
  // A catalog of several groups.
  CatalogEditor::Finished publish_large() {
    std::vector<Change> changes{put_directory("usr"), put_directory("usr/bin"), put_file("usr/bin/tool", "1")};
    for (int i = 0; i < 20'000; ++i) changes.push_back(put_file(str("file-", i), "x"));
    return world_.publish(std::move(changes));
  }
  Error opening(const CatalogId& id) {
    const auto catalog = Catalog::open(id, world_.objects.reader);
    EXPECT_FALSE(catalog);
    return catalog ? Error{Code::kInternal, "opened"} : catalog.error();
  }

  CatalogWorld world_;
};

TEST_F(CatalogTest, PathsLeadToEntriesAndDirectoriesToPaths) {
  auto catalog = world_.open(world_
                                 .publish({put_directory("usr"), put_directory("usr/bin"), put_file("usr/bin/a", "1"),
                                           put_symlink("bin", "usr/bin")})
                                 .catalog);
  EXPECT_EQ(catalog->resolve("")->inode, kRootInode);
  EXPECT_EQ(catalog->resolve("usr/bin/a")->node.digest, Digest::of("1"));
  for (const char* path : {"usr/missing", "bin/a", "usr/bin/a/b", "usr//bin", "/usr", "usr/../usr"})
    EXPECT_EQ(catalog->resolve(path).error().code, Code::kNotFound) << path;
  EXPECT_EQ(*catalog->path_of(catalog->resolve("usr/bin")->inode), "usr/bin");
  EXPECT_EQ(*catalog->path_of(kRootInode), "");
  EXPECT_EQ(catalog->path_of(4711).error().code, Code::kNotFound);
  EXPECT_EQ(catalog->lookup(0, "").error().code, Code::kNotFound);
  EXPECT_EQ(catalog->by_inode(4711).error().code, Code::kNotFound);
  EXPECT_TRUE(catalog->names_of(4711)->empty());
}

TEST_F(CatalogTest, AListingGoesOnAfterAnyName) {
  auto catalog = world_.open(
      world_.publish({put_file("a", "1"), put_file("b", "1"), put_file("\xff", "1"), put_file("B", "1")}).catalog);
  const auto names_after = [&](ByteView after, size_t limit) {
    std::vector<std::string> names;
    EXPECT_TRUE(catalog->list(kRootInode, after, [&](Entry&& entry) {
      names.push_back(entry.name);
      return names.size() < limit;
    }));
    return names;
  };
  EXPECT_THAT(names_after("", 9), ElementsAre("B", "a", "b", "\xff"));
  EXPECT_THAT(names_after("a", 9), ElementsAre("b", "\xff"));
  EXPECT_THAT(names_after("aa", 1), ElementsAre("b"));
  EXPECT_THAT(names_after("\xff", 9), ElementsAre());
}

TEST_F(CatalogTest, AVisitorMayAskTheCatalogItself) {
  auto catalog = world_.open(world_.publish({put_file("a", "1"), put_file("b", "1")}).catalog);
  int found = 0;
  EXPECT_TRUE(catalog->list(kRootInode, {}, [&](Entry&& entry) {
    found += catalog->by_inode(entry.inode).has_value();
    return true;
  }));
  EXPECT_EQ(found, 2);
}

TEST_F(CatalogTest, ManyThreadsReadAtOnce) {
  const auto finished = publish_large();
  auto catalog = world_.open(finished.catalog);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < 2000; i += 3) wrong += !catalog->lookup(kRootInode, str("file-", i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(CatalogTest, OnlyTheGroupsOnTheWayAreFetched) {
  const auto finished = publish_large();
  world_.objects.store.forget_reads();
  auto catalog = world_.open(finished.catalog);
  EXPECT_EQ(world_.objects.store.total_reads(), 1U);  // the index: page 1 travels with it
  EXPECT_TRUE(catalog->resolve("usr/bin/tool"));
  EXPECT_LE(world_.objects.store.total_reads(), 4U);
}

TEST_F(CatalogTest, WhatTheReaderSaidReachesTheCallerAndHeals) {
  const auto finished = publish_large();
  auto catalog = world_.open(finished.catalog);
  world_.objects.store.set_away(true);
  const auto missed = catalog->lookup(kRootInode, "file-77");
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().code, Code::kUnavailable);
  EXPECT_THAT(missed.error().message, HasSubstr("the store is away"));
  EXPECT_EQ(catalog->scan([](Entry&&) { return true; }).error().code, Code::kUnavailable);
  world_.objects.store.set_away(false);
  EXPECT_TRUE(catalog->lookup(kRootInode, "file-77"));
}

TEST_F(CatalogTest, AMissingOrForeignIndexIsRefused) {
  EXPECT_EQ(opening(Digest::of("nothing")).code, Code::kNotFound);
  EXPECT_EQ(opening(*world_.objects.writer.write("no index")).code, Code::kCorrupt);
  EXPECT_EQ(opening(catalog_of(world_.objects.writer, Bytes(kPageBytes, '\0'))).code, Code::kCorrupt);
}

TEST_F(CatalogTest, OnlyTheExactHeaderIsAccepted) {
  const Bytes good = database_of(world_.objects, world_.publish({put_file("a", "1")}).catalog);
  EXPECT_TRUE(Catalog::open(catalog_of(world_.objects.writer, good), world_.objects.reader));
  for (const size_t offset : {0, 17, 18, 19, 20, 31, 55, 59, 63, 71}) {
    Bytes bad = good;
    bad[offset] = static_cast<char>(bad[offset] ^ 2);
    const Code code = opening(catalog_of(world_.objects.writer, bad)).code;
    EXPECT_EQ(code, offset == 63 ? Code::kUnsupported : Code::kCorrupt) << offset;
  }
}

TEST_F(CatalogTest, OnlyTheExactSchemaIsAccepted) {
  const auto good = world_.publish({put_file("a", "1")}).catalog;
  for (const char* sql :
       {"CREATE TABLE more(x)", "CREATE VIEW v AS SELECT * FROM entry", "DROP TABLE slice",
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN SELECT 1; END", "DROP INDEX entry_inode",
        "ALTER TABLE slice RENAME COLUMN start TO begin", "CREATE INDEX i ON entry(uid)", "ANALYZE"}) {
    EXPECT_EQ(opening(doctored(world_.objects, good, sql)).code, Code::kCorrupt) << sql;
  }
}

TEST_F(CatalogTest, RowsThatBreakTheFormatAreRefusedByName) {
  const auto good = world_
                        .publish({put_file("file", "1"), put_symlink("link", "target"), put_directory("dir"),
                                  put_node("device", NodeType::kCharDevice, 0600)})
                        .catalog;
  for (const char* sql : {"UPDATE entry SET type=9 WHERE name=x'66696c65'",
                          "UPDATE entry SET type=0 WHERE name=x'66696c65'",
                          "UPDATE entry SET mode=65536",
                          "UPDATE entry SET uid=-1",
                          "UPDATE entry SET gid=4294967296",
                          "UPDATE entry SET mtime='now'",
                          "UPDATE entry SET mtime_ns=1000000000",
                          "UPDATE entry SET nlink=0",
                          "UPDATE entry SET size=2 WHERE name=x'66696c65'",
                          "UPDATE entry SET size=size+1 WHERE name=x'6c696e6b'",
                          "UPDATE entry SET digest=x'00' WHERE type<3",
                          "UPDATE entry SET digest=NULL WHERE type<3",
                          "UPDATE entry SET digest=zeroblob(32) WHERE type>2",
                          "UPDATE entry SET data=x'0002' WHERE type=1",
                          "UPDATE entry SET data='text' WHERE type=3",
                          "UPDATE entry SET data=x'00' WHERE type=4",
                          "UPDATE entry SET data=x'00' WHERE type=2",
                          "UPDATE entry SET data=NULL,size=0 WHERE type=1",
                          "UPDATE entry SET data=NULL WHERE type=3",
                          "UPDATE entry SET xattrs=x''",
                          "UPDATE entry SET xattrs=x'00000000'",
                          "UPDATE entry SET inode=2 WHERE parent=1",
                          "UPDATE entry SET inode=281474976710656 WHERE parent=1",
                          "UPDATE entry SET name='file' WHERE name=x'66696c65'",
                          "UPDATE entry SET name=x'2e2e' WHERE name=x'66696c65'",
                          "UPDATE entry SET name=x'612f62' WHERE name=x'66696c65'",
                          "UPDATE entry SET inode=1 WHERE name=x'66696c65'"}) {
    auto catalog = world_.open(doctored(world_.objects, good, sql));
    const Status scanned = catalog->scan([](Entry&&) { return true; });
    ASSERT_FALSE(scanned) << sql;
    EXPECT_EQ(scanned.error().code, Code::kCorrupt) << sql;
    EXPECT_THAT(scanned.error().message, HasSubstr("row for")) << sql;
  }
}

TEST_F(CatalogTest, SlicesThatDoNotCoverTheFileAreRefused) {
  Change large = put_file("large", "");
  for (int i = 0; i < 20; ++i) large.slices.push_back({Digest::of("o"), 0, 10});
  large.node.size_bytes = 200;
  const auto good = world_.publish({large}).catalog;
  for (const char* sql :
       {"DELETE FROM slice WHERE start=50", "DELETE FROM slice WHERE start=0", "DELETE FROM slice WHERE start=190",
        "UPDATE slice SET length=9 WHERE start=50", "UPDATE slice SET length=0 WHERE start=50",
        "UPDATE slice SET offset=-1", "UPDATE slice SET offset=16777216", "UPDATE slice SET object=x'00'",
        "UPDATE slice SET object=zeroblob(32)"}) {
    auto catalog = world_.open(doctored(world_.objects, good, sql));
    const Entry file = *catalog->resolve("large");
    EXPECT_EQ(catalog->slices(file, 0, 200).error().code, Code::kCorrupt) << sql;
  }
}

TEST_F(CatalogTest, ADirectoryThatIsItsOwnAncestorHasNoPath) {
  const auto good = world_.publish({put_directory("a"), put_directory("a/b")}).catalog;  // inodes 16 and 17
  auto catalog = world_.open(doctored(world_.objects, good, "UPDATE entry SET parent=17 WHERE inode=16"));
  EXPECT_EQ(catalog->path_of(17).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace granary
