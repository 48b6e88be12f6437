#include "server/catalog_editor.h"

#include <gmock/gmock.h>

#include "fs/format/tree_digest.h"
#include "tests/support/changes.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CatalogEditorTest : public testing::Test {
 protected:
  std::vector<std::string> names_in(Catalog& catalog, InodeNumber directory) {
    std::vector<std::string> names;
    EXPECT_TRUE(catalog.list(directory, {}, [&](Entry&& entry) {
      names.push_back(entry.name);
      return true;
    }));
    return names;
  }
  Entry entry(const CatalogId& id, ByteView path) {
    auto catalog = world_.open(id);
    auto found = catalog->resolve(path);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Entry{};
  }
  bool is_there(const CatalogId& id, ByteView path) { return world_.open(id)->resolve(path).has_value(); }
  std::vector<InodeNumber> groups(const CatalogId& id, ByteView path) {
    auto catalog = world_.open(id);
    return *catalog->link_groups(catalog->resolve(path)->inode);
  }

  CatalogWorld world_;
};

TEST_F(CatalogEditorTest, AnEmptyTreeIsARootDirectoryOfMode0755) {
  const auto finished = world_.publish(ChangeSet{});
  const Entry root = entry(finished.catalog, "");
  EXPECT_EQ(root.node.mode, 0755U);
  EXPECT_EQ(root.nlink, 2U);
  EXPECT_EQ(root.node.size_bytes, 0U);
  EXPECT_EQ(finished.tree, tree_digest(root.node));
  EXPECT_EQ(finished.entries, 1U);
  EXPECT_EQ(finished.bytes, 0U);
}

TEST_F(CatalogEditorTest, EveryKindOfEntryComesBack) {
  Change device = put_node("dev/null", NodeType::kCharDevice, 0666);
  device.node.device_major = 1;
  device.node.device_minor = 3;
  Change capable = put_file("bin/ping", "ping");
  capable.node.xattrs = {{"security.capability", Bytes("\1\0\2", 3)}, {"user.a", ""}};
  capable.node.mode = 04755;
  capable.node.uid = 4'000'000'000;
  capable.node.mtime = -5;
  const std::vector<Change> changes{put_directory("bin"),
                                    capable,
                                    put_directory("dev"),
                                    device,
                                    put_file("empty", ""),
                                    put_symlink("link", "bin/ping"),
                                    put_node("dev/pipe", NodeType::kFifo, 0600),
                                    put_node("dev/socket", NodeType::kSocket, 0600)};
  const auto finished = world_.publish(changes);
  for (const Change& change : changes) {
    const Entry found = entry(finished.catalog, change.path);
    if (!change.node.is_directory()) {
      EXPECT_EQ(found.node, change.node) << change.path;
    }
    EXPECT_EQ(found.node.mode, change.node.mode) << change.path;
    EXPECT_EQ(found.slices, change.slices) << change.path;
  }
  EXPECT_EQ(entry(finished.catalog, "").nlink, 4U);
  EXPECT_EQ(entry(finished.catalog, "dev").node.size_bytes, 3U);
  EXPECT_EQ(finished.entries, 9U);
  EXPECT_EQ(finished.bytes, 4U);
}

TEST_F(CatalogEditorTest, NewInodesAreTakenInPathOrder) {
  const auto finished =
      world_.publish({put_directory("a"), put_file("a/b", "1"), put_file("a-b", "2"), put_file("b", "3")});
  EXPECT_EQ(entry(finished.catalog, "a").inode, 16U);
  EXPECT_EQ(entry(finished.catalog, "a/b").inode, 17U);
  EXPECT_EQ(entry(finished.catalog, "a-b").inode, 18U);
  EXPECT_EQ(entry(finished.catalog, "b").inode, 19U);
  EXPECT_EQ(finished.next_inode, 20U);
}

TEST_F(CatalogEditorTest, AChangeOfNothingIsTheSameCatalog) {
  const auto before = world_.publish({put_directory("a"), put_file("a/b", "1")});
  const Entry file = entry(before.catalog, "a/b");
  EXPECT_EQ(world_.publish(before.catalog, {}).catalog, before.catalog);
  const auto again = world_.publish(
      before.catalog, {put_directory("a"), keeping(put_file("a/b", "1"), file.inode), remove_path("a/c")});
  EXPECT_EQ(again.catalog, before.catalog);
  EXPECT_EQ(again.tree, before.tree);
  EXPECT_TRUE(again.new_objects.empty());
}

TEST_F(CatalogEditorTest, ChangedContentGetsANewInodeAndChangedMetadataKeepsIt) {
  const auto first = world_.publish({put_file("a", "1"), put_file("b", "2")});
  const InodeNumber a = entry(first.catalog, "a").inode;
  const InodeNumber b = entry(first.catalog, "b").inode;
  const auto second =
      world_.publish(first.catalog, {put_file("a", "changed"), with_mode(keeping(put_file("b", "2"), b), 0600)});
  EXPECT_EQ(entry(second.catalog, "a").inode, first.next_inode);
  EXPECT_NE(entry(second.catalog, "a").inode, a);
  EXPECT_EQ(entry(second.catalog, "b").inode, b);
  EXPECT_EQ(entry(second.catalog, "b").node.mode, 0600U);
  EXPECT_EQ(second.bytes, 8U);
}

TEST_F(CatalogEditorTest, ARenamedFileKeepsItsInodeAndItsSlices) {
  const auto first = world_.publish({put_directory("d"), put_file("a", "1")});
  const InodeNumber a = entry(first.catalog, "a").inode;
  Change renamed = keeping(put_file("d/z", "1"), a);
  renamed.slices.clear();  // the ones it has stay
  const auto second = world_.publish(first.catalog, {remove_path("a"), renamed});
  EXPECT_EQ(entry(second.catalog, "d/z").inode, a);
  EXPECT_EQ(entry(second.catalog, "d/z").slices, put_file("", "1").slices);
  EXPECT_EQ(second.bytes, 1U);
  EXPECT_EQ(second.entries, 3U);
}

TEST_F(CatalogEditorTest, AnInodeOfOtherContentCannotBeKept) {
  const auto first = world_.publish({put_file("a", "1")});
  const InodeNumber a = entry(first.catalog, "a").inode;
  const Error refused = world_.refusal(first.catalog, {keeping(put_file("a", "2"), a)});
  EXPECT_EQ(refused.code, Code::kInvalid);
  EXPECT_THAT(refused.message, HasSubstr("\"a\""));
  EXPECT_EQ(world_.refusal(first.catalog, {keeping(put_file("a", "1"), 4711)}).code, Code::kInvalid);
}

TEST_F(CatalogEditorTest, ACopyThatKeepsAnInodeInUseGetsItsOwn) {
  const auto first = world_.publish({put_file("b", "1")});
  const InodeNumber b = entry(first.catalog, "b").inode;
  const auto second = world_.publish(first.catalog, {keeping(put_file("a", "1"), b), keeping(put_file("c", "1"), b)});
  EXPECT_EQ(entry(second.catalog, "b").inode, b);
  EXPECT_NE(entry(second.catalog, "a").inode, b);
  EXPECT_NE(entry(second.catalog, "c").inode, b);
  EXPECT_EQ(entry(second.catalog, "b").nlink, 1U);
  EXPECT_EQ(second.bytes, 3U);
}

TEST_F(CatalogEditorTest, RemovingADirectoryRemovesWhatIsBelow) {
  const auto first =
      world_.publish({put_directory("a"), put_directory("a/b"), put_file("a/b/c", "12"), put_file("d", "3")});
  const auto second = world_.publish(first.catalog, {remove_path("a"), remove_path("a/b/c")});
  EXPECT_THAT(names_in(*world_.open(second.catalog), kRootInode), ElementsAre("d"));
  EXPECT_EQ(second.entries, 2U);
  EXPECT_EQ(second.bytes, 1U);
  EXPECT_EQ(second.tree, world_.publish({put_file("d", "3")}).tree);
}

TEST_F(CatalogEditorTest, ADirectoryThatBecomesAFileLosesItsContents) {
  const auto first = world_.publish({put_directory("a"), put_file("a/b", "12")});
  const auto second = world_.publish(first.catalog, {put_file("a", "file")});
  EXPECT_TRUE(entry(second.catalog, "a").node.is_file());
  EXPECT_EQ(second.entries, 2U);
  EXPECT_EQ(second.tree, world_.publish({put_file("a", "file")}).tree);
  const auto third = world_.publish(second.catalog, {put_directory("a"), put_file("a/b", "12")});
  EXPECT_EQ(third.tree, first.tree);
  EXPECT_EQ(third.bytes, 2U);
}

TEST_F(CatalogEditorTest, WhatDoesNotFitTheTreeIsRefusedByName) {
  const auto first = world_.publish({put_file("file", "1")});
  for (const Change& bad : {put_file("missing/a", "1"), put_file("file/a", "1"), put_file("..", "1"),
                            put_file("a\nb/", "1"), put_symlink("link", ""), put_file("", "1"), remove_path("")}) {
    const Error refused = world_.refusal(first.catalog, {bad});
    EXPECT_EQ(refused.code, Code::kInvalid) << refused.message;
    EXPECT_THAT(refused.message, HasSubstr("\"" + printable(bad.path) + "\""));
  }
  Change short_file = put_file("short", "12");
  short_file.slices[0].length_bytes = 1;
  EXPECT_EQ(world_.refusal(first.catalog, {short_file}).code, Code::kInvalid);
  EXPECT_EQ(world_.refusal(first.catalog, {put_file("a", "1"), put_file("a", "2")}).code, Code::kInvalid);
}

TEST_F(CatalogEditorTest, LinkGroupsAreRecordedInTheLowestCommonDirectory) {
  const auto first = world_.publish({put_directory("a"), put_directory("a/b"), put_directory("a/c"),
                                     grouped(put_file("a/b/1", "x"), 7), grouped(put_file("a/c/2", "x"), 7)});
  const Entry one = entry(first.catalog, "a/b/1");
  EXPECT_EQ(one.nlink, 2U);
  EXPECT_EQ(entry(first.catalog, "a/c/2").inode, one.inode);
  EXPECT_THAT(groups(first.catalog, "a"), ElementsAre(one.inode));
  EXPECT_THAT(groups(first.catalog, ""), ElementsAre());
  EXPECT_EQ(first.bytes, 1U);

  const auto outside = [&](ByteView path) { return grouped(keeping(put_file(path, "x"), one.inode), 1); };
  const auto second = world_.publish(first.catalog, {outside("3"), outside("a/b/1"), outside("a/c/2")});
  EXPECT_EQ(entry(second.catalog, "3").nlink, 3U);
  EXPECT_EQ(entry(second.catalog, "a/b/1").nlink, 3U);
  EXPECT_THAT(groups(second.catalog, "a"), ElementsAre());
  EXPECT_THAT(groups(second.catalog, ""), ElementsAre(one.inode));
  EXPECT_EQ(second.bytes, 1U);

  const auto third = world_.publish(second.catalog, {remove_path("3"), outside("a/b/1"), outside("a/c/2")});
  EXPECT_EQ(third.tree, first.tree);
  const auto fourth = world_.publish(third.catalog, {remove_path("a/c")});
  EXPECT_EQ(entry(fourth.catalog, "a/b/1").nlink, 1U);
  EXPECT_THAT(groups(fourth.catalog, "a"), ElementsAre());
  const auto alone = world_.publish({put_directory("a"), put_directory("a/b"), put_file("a/b/1", "x")});
  EXPECT_EQ(fourth.tree, alone.tree);
}

TEST_F(CatalogEditorTest, ALinkGroupThatIsBrokenUpBecomesTwoInodes) {
  const auto first = world_.publish({grouped(put_file("a", "x"), 7), grouped(put_file("b", "x"), 7)});
  const InodeNumber shared = entry(first.catalog, "a").inode;
  const auto second =
      world_.publish(first.catalog, {keeping(put_file("a", "x"), shared), keeping(put_file("b", "x"), shared)});
  EXPECT_EQ(entry(second.catalog, "a").inode, shared);
  EXPECT_NE(entry(second.catalog, "b").inode, shared);
  EXPECT_EQ(entry(second.catalog, "a").nlink, 1U);
  EXPECT_EQ(second.bytes, 2U);
  EXPECT_EQ(second.tree, world_.publish({put_file("a", "x"), put_file("b", "x")}).tree);
}

TEST_F(CatalogEditorTest, TheNamesOfAGroupMustAgree) {
  auto editor = world_.edit();
  ASSERT_TRUE(
      editor->apply(change_set({grouped(put_file("a", "x"), 7), grouped(with_mode(put_file("b", "x"), 0600), 7)})));
  EXPECT_EQ(editor->finish(world_.objects.writer).error().code, Code::kInvalid);
}

TEST_F(CatalogEditorTest, ManySlicesStandInTheirOwnTableAndGoWithTheFile) {
  Change large = put_file("large", "");
  for (int i = 0; i < 100; ++i) large.slices.push_back({i % 10 == 9 ? Digest{} : Digest::of(str(i)), 0, 1000});
  large.node.size_bytes = 100'000;
  const auto first = world_.publish({large, put_file("small", "1")});
  auto catalog = world_.open(first.catalog);
  const Entry file = *catalog->resolve("large");
  EXPECT_TRUE(file.slices_elsewhere);
  const auto some = catalog->slices(file, 2999, 2002);
  ASSERT_TRUE(some);
  ASSERT_EQ(some->size(), 4U);
  EXPECT_EQ((*some)[0].start_bytes, 2000U);
  EXPECT_EQ((*some)[3].slice, large.slices[5]);
  EXPECT_EQ(catalog->slices(file, 0, UINT64_MAX)->size(), 100U);
  EXPECT_TRUE(catalog->slices(file, 100'000, 1)->empty());

  Change renamed = keeping(large, file.inode);
  renamed.path = "renamed";
  renamed.slices.clear();
  const auto second = world_.publish(first.catalog, {remove_path("large"), renamed});
  EXPECT_EQ(world_.open(second.catalog)->slices(entry(second.catalog, "renamed"), 0, UINT64_MAX)->size(), 100U);

  const auto third = world_.publish(second.catalog, {remove_path("renamed")});
  EXPECT_FALSE(world_.open(third.catalog)->slices(file, 0, UINT64_MAX));  // its rows are gone
}

TEST_F(CatalogEditorTest, ReplacedSlicesChangeNothingElse) {
  const auto first = world_.publish({grouped(put_file("a", "xyz"), 7), grouped(put_file("b", "xyz"), 7)});
  const InodeNumber inode = entry(first.catalog, "a").inode;
  auto editor = world_.edit(first.catalog);
  const std::vector<Slice> slices{{Digest::of("pack"), 100, 2}, {Digest::of("pack"), 200, 1}};
  ASSERT_TRUE(editor->replace_slices(inode, slices));
  EXPECT_EQ(editor->replace_slices(inode, {slices[0]}).error().code, Code::kInvalid);
  const auto second = world_.finish(*editor);
  EXPECT_EQ(second.tree, first.tree);
  EXPECT_NE(second.catalog, first.catalog);
  for (const char* path : {"a", "b"}) {
    EXPECT_EQ(entry(second.catalog, path).slices, slices);
    EXPECT_EQ(entry(second.catalog, path).inode, inode);
  }
}

TEST_F(CatalogEditorTest, SeveralChangeSetsAddUp) {
  auto editor = world_.edit();
  ASSERT_TRUE(editor->apply(change_set({put_directory("a"), put_file("a/b", "1"), put_file("gone", "22")})));
  ASSERT_TRUE(editor->apply(change_set({put_file("a/c", "333"), remove_path("gone")})));
  const auto finished = world_.finish(*editor);
  EXPECT_EQ(finished.tree, world_.publish({put_directory("a"), put_file("a/b", "1"), put_file("a/c", "333")}).tree);
  EXPECT_EQ(finished.entries, 4U);
  EXPECT_EQ(finished.bytes, 4U);
}

TEST_F(CatalogEditorTest, TheRootsOwnMetadataCount) {
  const auto first = world_.publish(ChangeSet{});
  const auto second = world_.publish(first.catalog, {with_mode(put_directory(""), 0700)});
  EXPECT_EQ(entry(second.catalog, "").node.mode, 0700U);
  EXPECT_NE(second.tree, first.tree);
}

TEST_F(CatalogEditorTest, OnlyChangedGroupsAreWritten) {
  std::vector<Change> changes;
  for (int i = 0; i < 20'000; ++i) changes.push_back(put_file(str("d", i / 100, "/file-", i), str(i)));
  for (int i = 0; i < 200; ++i) changes.push_back(put_directory(str("d", i)));
  const auto first = world_.publish(std::move(changes));
  const auto second = world_.publish(first.catalog, {put_file("d100/file-10050", "changed")});
  EXPECT_GT(first.new_objects.size(), 40U);
  EXPECT_LT(second.new_objects.size(), 10U);
  EXPECT_EQ(entry(second.catalog, "d100/file-10050").node.digest, Digest::of("changed"));
  EXPECT_EQ(entry(second.catalog, "d100/file-10051").node.digest, Digest::of("10051"));
}

TEST_F(CatalogEditorTest, VeryDeepTreesAndVeryLargeDirectoriesAreOrdinary) {
  std::vector<Change> changes;
  std::string deep;
  for (int i = 0; i < 1500; ++i) {
    deep += deep.empty() ? "d" : "/d";
    changes.push_back(put_directory(deep));
  }
  for (int i = 0; i < 20'000; ++i) changes.push_back(put_file(str(i), "x"));
  const auto first = world_.publish(std::move(changes));
  const auto second = world_.publish(first.catalog, {put_file(deep + "/leaf", "1"), put_file("10000", "y")});
  EXPECT_EQ(entry(second.catalog, deep).node.size_bytes, 1U);
  EXPECT_EQ(second.entries, 21'502U);
}

TEST_F(CatalogEditorTest, ANumberInUseIsNotTheNext) {
  const auto first = world_.publish({put_file("a", "1")});
  const auto editor = CatalogEditor::open(first.catalog, world_.objects.reader, kFirstFreeInode, testing::TempDir());
  ASSERT_FALSE(editor);
  EXPECT_EQ(editor.error().code, Code::kInvalid);
}

TEST_F(CatalogEditorTest, NothingIsLeftInTheScratchDirectory) {
  const auto scratch = TemporaryDirectory::make();
  {
    const auto editor = CatalogEditor::open(std::nullopt, world_.objects.reader, kFirstFreeInode, scratch->path());
    ASSERT_TRUE(editor);
    ASSERT_TRUE((*editor)->apply(change_set({put_file("a", "1")})));
  }
  EXPECT_EQ(::rmdir(scratch->path().c_str()), 0);
}

TEST_F(CatalogEditorTest, AMissingBaseGroupIsReportedInTheReadersWords) {
  std::vector<Change> changes;
  for (int i = 0; i < 20'000; ++i) changes.push_back(put_file(str(i), "x"));
  const auto first = world_.publish(std::move(changes));
  for (const ObjectId& id : first.new_objects) {
    if (id != first.catalog) world_.objects.store.lose(id);
  }
  const auto editor = CatalogEditor::open(first.catalog, world_.objects.reader, world_.next_inode, testing::TempDir());
  ASSERT_FALSE(editor);
  EXPECT_EQ(editor.error().code, Code::kNotFound);
  EXPECT_THAT(editor.error().message, HasSubstr("no object"));
}

}  // namespace
}  // namespace granary
