#include "server/tree_diff.h"

#include <gmock/gmock.h>

#include "support/memory_catalog.h"

namespace granary {
namespace {

// Builds source trees by path.
struct TestTree {
  SourceTree tree;
  ContentTable& contents;
  std::map<Bytes, SourceTree::Number> paths;

  explicit TestTree(ContentTable& table) : contents(table) {
    SourceNode root;
    root.type = NodeType::kDirectory;
    root.mode = 0755;
    paths[""] = tree.add(0, "", root);
  }
  SourceTree::Number add(const Bytes& path, SourceNode node) {
    const auto slash = path.rfind('/');
    const auto parent = paths.at(slash == Bytes::npos ? "" : path.substr(0, slash));
    return paths[path] = tree.add(parent, path.substr(slash + 1), node);
  }
  TestTree& directory(const Bytes& path, uint16_t mode = 0755) {
    SourceNode node;
    node.type = NodeType::kDirectory;
    node.mode = mode;
    add(path, node);
    return *this;
  }
  TestTree& opaque(const Bytes& path) {
    directory(path).tree.node(paths.at(path)).is_opaque = true;
    return *this;
  }
  TestTree& file(const Bytes& path, const Bytes& text, uint32_t link_group = 0, uint16_t mode = 0644) {
    SourceNode node;
    node.mode = mode;
    node.link_group = link_group;
    const Digest digest = Digest::of(text);
    node.content = contents.add({digest, text.size(), {Slice{Digest::of("object of " + text), 0, text.size()}}});
    add(path, node);
    return *this;
  }
  TestTree& whiteout(const Bytes& path) {
    SourceNode node;
    node.type = NodeType::kCharDevice;
    node.is_whiteout = true;
    add(path, node);
    return *this;
  }
  TestTree& whole_group(const Bytes& path) {
    tree.node(paths.at(path)).is_whole_group = true;
    return *this;
  }
};

struct TreeDiffTest : testing::Test {
  ContentTable contents;
  MemoryCatalog base;

  TestTree tree() { return TestTree(contents); }
  TestTree overlay() {
    TestTree upper(contents);
    upper.tree.is_overlay = true;
    return upper;
  }
  // The changes, as text, applied to the base.
  std::string publish(TestTree& source, const Bytes& subpath = {}) {
    source.tree.seal();
    auto changes = diff_source(source.tree, contents, &base, subpath);
    if (!changes) return changes.error().message;
    std::string told;
    for (const Change& change : changes->changes) {
      if (!told.empty()) told += " ";
      told += (change.kind == Change::Kind::kRemove ? "-" : change.keep_inode != 0 ? "~" : "+") + change.path;
    }
    const Status applied = base.apply(*changes);
    EXPECT_TRUE(applied) << applied.error().message;
    return told;
  }
  std::string publish(TestTree&& source, const Bytes& subpath = {}) { return publish(source, subpath); }
  InodeNumber inode(const Bytes& path) { return base.resolve(path)->inode; }
  uint32_t links(const Bytes& path) { return base.resolve(path)->nlink; }
};

TEST_F(TreeDiffTest, EverythingIsNewInAnEmptyTree) {
  EXPECT_EQ(publish(tree().directory("etc").file("etc/motd", "hi").file("a", "x")), "+a +etc +etc/motd");
}

TEST_F(TreeDiffTest, WithoutABaseTheRootIsThereToo) {
  TestTree source = tree();
  source.file("a", "x").tree.seal();
  const auto changes = diff_source(source.tree, contents, nullptr, "");
  ASSERT_EQ(changes->changes.size(), 2u);
  EXPECT_EQ(changes->changes[0].path, "");
  EXPECT_EQ(changes->changes[1].slices.size(), 1u);
}

TEST_F(TreeDiffTest, WhatIsEqualIsNotInTheSet) {
  publish(tree().directory("d").file("d/a", "x").file("d/b", "y", 1).file("d/c", "y", 1));
  EXPECT_EQ(publish(tree().directory("d").file("d/a", "x").file("d/b", "y", 7).file("d/c", "y", 7)), "");
}

TEST_F(TreeDiffTest, MetadataKeepTheInodeAndContentDoesNot) {
  publish(tree().file("mode", "x").file("text", "x"));
  const InodeNumber mode = inode("mode"), text = inode("text");
  EXPECT_EQ(publish(tree().file("mode", "x", 0, 0600).file("text", "y")), "~mode +text");
  EXPECT_EQ(inode("mode"), mode);
  EXPECT_NE(inode("text"), text);
}

TEST_F(TreeDiffTest, DirectoriesKeepTheirInode) {
  publish(tree().directory("d").file("d/a", "x"));
  const InodeNumber before = inode("d");
  EXPECT_EQ(publish(tree().directory("d", 0700).file("d/b", "x")), "~d -d/a +d/b");
  EXPECT_EQ(inode("d"), before);
}

TEST_F(TreeDiffTest, TypesMayChange) {
  publish(tree().directory("a").file("a/x", "x").file("b", "b"));
  EXPECT_EQ(publish(tree().file("a", "a").directory("b").file("b/y", "y")), "+a +b +b/y");
  EXPECT_FALSE(base.resolve("a/x"));
}

TEST_F(TreeDiffTest, AHardLinkThatGainsOrLosesANameKeepsItsInode) {
  publish(tree().file("a", "x", 1).file("b", "x", 1));
  const InodeNumber before = inode("a");
  EXPECT_EQ(publish(tree().file("a", "x", 1).file("b", "x", 1).file("c", "x", 1)), "~a ~b ~c");
  EXPECT_EQ(links("c"), 3u);
  EXPECT_EQ(publish(tree().file("b", "x", 1).file("c", "x", 1)), "-a ~b ~c");
  EXPECT_EQ(publish(tree().file("c", "x")), "-b ~c");
  EXPECT_EQ(inode("c"), before);
}

TEST_F(TreeDiffTest, ABrokenHardLinkKeepsTheInodeOnce) {
  publish(tree().file("a", "x", 1).file("b", "x", 1));
  const InodeNumber before = inode("a");
  EXPECT_EQ(publish(tree().file("a", "x").file("b", "x")), "~a +b");
  EXPECT_EQ(inode("a"), before);
  EXPECT_NE(inode("b"), before);
}

TEST_F(TreeDiffTest, EqualFilesThatBecomeOneHardLinkTakeTheFirstInode) {
  publish(tree().file("a", "x").file("b", "x"));
  const InodeNumber first = inode("a");
  EXPECT_EQ(publish(tree().file("a", "x", 1).file("b", "x", 1)), "~a ~b");
  EXPECT_EQ(inode("b"), first);
}

TEST_F(TreeDiffTest, AHardLinkWhoseContentChangesGetsOneNewInode) {
  publish(tree().file("a", "x", 1).file("b", "x", 1));
  const InodeNumber before = inode("a");
  EXPECT_EQ(publish(tree().file("a", "y", 1).file("b", "y", 1)), "+a +b");
  EXPECT_NE(inode("a"), before);
  EXPECT_EQ(inode("a"), inode("b"));
}

TEST_F(TreeDiffTest, ASubtreeIsReplacedAlone) {
  publish(tree().directory("usr").file("usr/old", "x").file("keep", "k"));
  EXPECT_EQ(publish(tree().file("new", "n"), "usr"), "+usr/new -usr/old");
  EXPECT_EQ(publish(tree().file("deep", "d"), "opt/a/b"), "+opt +opt/a +opt/a/b +opt/a/b/deep");
  EXPECT_TRUE(base.resolve("keep"));
  EXPECT_EQ(publish(tree().file("x", "x"), "keep/below"), "cannot publish below /keep: it is a file, not a directory");
}

TEST_F(TreeDiffTest, AHardLinkAcrossTheBorderOfASubtreeStaysUntilOneSideChanges) {
  publish(tree().directory("in").file("in/a", "x", 1).directory("out").file("out/b", "x", 1).file("out/c", "x", 1));
  const InodeNumber before = inode("out/b");
  EXPECT_EQ(publish(tree().file("a", "x"), "in"), "");
  EXPECT_EQ(publish(tree().file("a", "x", 0, 0600), "in"), "+in/a ~out/b ~out/c");
  EXPECT_EQ(inode("out/b"), before);
  EXPECT_EQ(links("out/c"), 2u);
  EXPECT_EQ(links("in/a"), 1u);
}

TEST_F(TreeDiffTest, AnOverlayNamesWhatChangesAndNothingElse) {
  publish(tree().directory("d").file("d/a", "a").file("d/b", "b").directory("e").file("e/c", "c"));
  EXPECT_EQ(publish(overlay().directory("d").whiteout("d/a").file("d/n", "n")), "-d/a +d/n");
  EXPECT_TRUE(base.resolve("e/c") && base.resolve("d/b"));
  EXPECT_EQ(publish(overlay().whiteout("e").whiteout("never-there")), "-e");
}

TEST_F(TreeDiffTest, AnOpaqueDirectoryHidesAllThatWasBelowIt) {
  publish(tree().directory("d").file("d/a", "a").directory("d/sub").file("d/sub/b", "b"));
  EXPECT_EQ(publish(overlay().opaque("d").directory("d/sub").file("d/sub/n", "n")), "-d/a -d/sub/b +d/sub/n");
}

TEST_F(TreeDiffTest, AnOverlayThatCopiesUpOneNameOfAHardLinkBreaksIt) {
  publish(tree().file("a", "x", 1).file("b", "x", 1).file("c", "x", 1));
  const InodeNumber before = inode("b");
  EXPECT_EQ(publish(overlay().file("a", "x", 0, 0600)), "+a ~b ~c");
  EXPECT_EQ(inode("b"), before);
  EXPECT_EQ(links("b"), 2u);
}

TEST_F(TreeDiffTest, AnIndexedOverlayChangesAllNamesThatAreStillThere) {
  publish(tree().directory("d").file("d/a", "x", 1).file("d/b", "x", 1).file("d/c", "x", 1));
  EXPECT_EQ(publish(overlay().directory("d").file("d/a", "y").whole_group("d/a").whiteout("d/c")), "+d/a +d/b -d/c");
  EXPECT_EQ(inode("d/a"), inode("d/b"));
  EXPECT_EQ(base.resolve("d/b")->node.digest, Digest::of("y"));
}

TEST_F(TreeDiffTest, ARenamedNameOfAnIndexedHardLinkIsRefusedWithARemedy) {
  publish(tree().file("a", "x", 1).file("b", "x", 1));
  EXPECT_THAT(publish(overlay().whiteout("a").file("renamed", "y").whole_group("renamed")),
              testing::HasSubstr("cp -p"));
}

}  // namespace
}  // namespace granary
