#include <gmock/gmock.h>

#include "tests/support/doctored_catalog.h"

namespace granary {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CatalogCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    Change large = put_file("d/large", "");
    for (int i = 0; i < 20; ++i) large.slices.push_back({Digest::of("o"), 0, 10});
    large.node.size_bytes = 200;
    good_ = world_.publish({put_directory("d"), put_directory("d/e"), put_file("d/e/file", "1"), large,
                            grouped(put_file("d/one", "x"), 1), grouped(put_file("d/e/two", "x"), 1)});
  }

  // What is broken, as "path: what".
  std::vector<std::string> faults(const CatalogId& id) {
    std::vector<std::string> found;
    auto catalog = world_.open(id);
    const auto tree = check_catalog(*catalog, world_.objects.reader, [&](const Bytes& path, const std::string& what) {
      found.push_back(path + ": " + what);
    });
    if (!tree) found.push_back("error: " + tree.error().message);
    if (tree) tree_ = *tree;
    return found;
  }
  std::vector<std::string> faults_after(const std::string& sql) {
    return faults(doctored(world_.objects, good_.catalog, sql));
  }

  CatalogWorld world_;
  CatalogEditor::Finished good_;
  Digest tree_;
};

TEST_F(CatalogCheckTest, NothingIsWrongWithWhatTheEditorWrites) {
  EXPECT_THAT(faults(good_.catalog), IsEmpty());
  EXPECT_EQ(tree_, good_.tree);
}

TEST_F(CatalogCheckTest, AWrongDigestIsFoundWhereItIs) {
  EXPECT_THAT(faults_after("UPDATE entry SET mode=448 WHERE name=x'66696c65'"),
              ElementsAre("d/e: its directory digest is not that of its entries"));
  EXPECT_NE(tree_, good_.tree);
  EXPECT_THAT(faults_after("UPDATE entry SET digest=zeroblob(32) WHERE parent=0"),
              ElementsAre(": its directory digest is not that of its entries"));
  EXPECT_EQ(tree_, good_.tree);
}

TEST_F(CatalogCheckTest, CountsAndTotalsAreVerified) {
  EXPECT_THAT(faults_after("UPDATE entry SET nlink=9 WHERE name=x'65'"),
              Contains(HasSubstr("d/e: its link count is 9")));
  EXPECT_THAT(faults_after("UPDATE entry SET size=9 WHERE name=x'65'"), Contains(HasSubstr("d/e: its size is 9")));
  EXPECT_THAT(faults_after("UPDATE property SET value=99 WHERE name='entries'"),
              ElementsAre(HasSubstr("claims 99 entries and has 7")));
  EXPECT_THAT(faults_after("UPDATE property SET value=99 WHERE name='bytes'"),
              ElementsAre(HasSubstr("claims 99 bytes")));
}

TEST_F(CatalogCheckTest, HardLinksAreVerified) {
  EXPECT_THAT(faults_after("DELETE FROM link_group"), Contains(HasSubstr("is not recorded in directory")));
  EXPECT_THAT(faults_after("UPDATE link_group SET directory=1"), Contains(HasSubstr("which is none there")));
  EXPECT_THAT(faults_after("UPDATE entry SET nlink=3 WHERE nlink=2 AND type=1"),
              ElementsAre(HasSubstr("its link count is 3, but it has 2 names")));
  EXPECT_THAT(faults_after("UPDATE entry SET nlink=1 WHERE type=1"),
              Contains(HasSubstr("more names than its link count says")));
  EXPECT_THAT(faults_after("UPDATE entry SET uid=7 WHERE name=x'6f6e65'"), Contains(HasSubstr("disagree about it")));
}

TEST_F(CatalogCheckTest, OrphansAndLoopsAreFound) {
  EXPECT_THAT(faults_after("UPDATE entry SET parent=99 WHERE name=x'66696c65'"),
              Contains(HasSubstr("directory 99, which does not exist")));
  EXPECT_THAT(faults_after("UPDATE entry SET parent=17 WHERE inode=16"),
              Contains(HasSubstr("not reached from the root")));
  EXPECT_THAT(faults_after("UPDATE entry SET inode=16 WHERE inode=17"), Contains(HasSubstr("has a second name")));
}

TEST_F(CatalogCheckTest, SlicesAreVerified) {
  EXPECT_THAT(faults_after("DELETE FROM slice WHERE start=50"), Contains(HasSubstr("d/large")));
  EXPECT_THAT(faults_after("INSERT INTO slice VALUES(4711,0,1,NULL,0)"),
              ElementsAre(HasSubstr("slices of inode 4711")));
}

TEST_F(CatalogCheckTest, ADamagedRowEndsTheCheckAndIsNamed) {
  const auto found = faults_after("UPDATE entry SET type=9 WHERE name=x'66696c65'");
  EXPECT_THAT(found, Contains(HasSubstr("row for \"file\"")));
  EXPECT_THAT(found, Contains(HasSubstr("error: ")));
}

TEST_F(CatalogCheckTest, AnInlinedPageMustBeTheGroups) {
  const auto pages = CatalogPages::open(good_.catalog, world_.objects.reader);
  CatalogIndex index = (*pages)->index();
  Bytes other(index.inlined.back().bytes);
  other[kPageBytes - 1] = static_cast<char>(other[kPageBytes - 1] ^ 1);
  index.inlined.back().bytes = other;
  const ObjectId id = *world_.objects.writer.write(encode_catalog_index(index));
  EXPECT_THAT(faults(id), Contains(HasSubstr("differs from the one in its group")));
}

TEST_F(CatalogCheckTest, AnIndexThatMissesARowIsFound) {
  // The root page of the index by inode, emptied.
  Bytes database = database_of(world_.objects, good_.catalog);
  const auto pages = CatalogPages::open(good_.catalog, world_.objects.reader);
  const auto opened = Database::open(**pages, "catalog");
  auto root = (*opened)->prepare("SELECT rootpage FROM sqlite_schema WHERE name='entry_inode'");
  ASSERT_TRUE(*root->step());
  const auto offset = static_cast<size_t>(root->integer(0) - 1) * kPageBytes;
  database[offset + 3] = database[offset + 4] = '\0';
  EXPECT_THAT(faults(catalog_of(world_.objects.writer, database)), Contains(HasSubstr("the catalog's database: ")));
}

}  // namespace
}  // namespace granary
