#include "server/overlay_source.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fs/base/file.h"
#include "server/ingest.h"
#include "support/memory_catalog.h"
#include "support/memory_objects.h"

namespace granary {
namespace {
using testing::HasSubstr;

// A base directory, and an upper one changed through real overlay mounts (or by hand).
struct OverlaySourceTest : testing::Test {
  TemporaryDirectory directory = std::move(*TemporaryDirectory::make());
  MemoryObjects objects;
  MemoryCatalog catalog;

  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "needs root for overlay marks";
    for (const char* name : {"lower", "upper", "work", "merged"})
      std::filesystem::create_directory(directory.path() + "/" + name);
  }
  int shell(const std::string& script) const {
    return std::system(("cd " + directory.path() + " && " + script).c_str());
  }
  // Runs `script` inside the overlay; nothing of the mount remains.
  bool change(const std::string& script, const std::string& options = "index=off,redirect_dir=off,metacopy=off") const {
    return shell("unshare --mount sh -c 'mount -t overlay overlay -o " + options +
                 ",lowerdir=lower,upperdir=upper,workdir=work merged && cd merged && " + script + "'") == 0;
  }
  Status publish_base() {
    DirectorySource::Options options;
    auto source = TRY(DirectorySource::open(directory.path() + "/lower", std::move(options)));
    return publish(*source);
  }
  Status publish_upper() {
    auto source = TRY(OverlaySource::open(directory.path() + "/upper", {}));
    return publish(*source);
  }
  Status publish(TreeSource& source) {
    Ingested ingested = TRY(ingest(source, objects, nullptr, nullptr, &catalog, {}));
    return catalog.apply(ingested.changes);
  }
  // What the overlay showed equals what the catalog has now.
  void expect_as_merged() {
    ASSERT_EQ(shell("unshare --mount sh -c 'mount -t overlay overlay -o lowerdir=upper:lower merged && cp -a merged "
                    "copy'"),
              0);
    auto source = *DirectorySource::open(directory.path() + "/copy", {});
    Ingested ingested = *ingest(*source, objects, nullptr, nullptr, &catalog, {});
    for (const Change& change : ingested.changes.changes) {
      if (!change.path.empty()) ADD_FAILURE() << "differs: /" << change.path;
    }
  }
};

TEST_F(OverlaySourceTest, ChangesMadeThroughARealOverlayComeOut) {
  ASSERT_EQ(shell("cd lower && mkdir -p d/deep gone replaced && echo 1 >d/one && echo 2 >d/deep/two && echo 3 >gone/x "
                  "&& echo 4 >replaced/old && echo 5 >file && ln -s file link"),
            0);
  ASSERT_TRUE(publish_base());
  if (!change("echo new >>d/one && rm -r gone && rm -r replaced && mkdir replaced && echo n >replaced/new && "
              "chmod 600 file && rm link && mkdir link && touch -d @1 link && mkdir fresh && mknod null c 1 3"))
    GTEST_SKIP() << "no overlayfs here";
  const Status published = publish_upper();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_FALSE(catalog.resolve("gone"));
  EXPECT_FALSE(catalog.resolve("replaced/old"));
  EXPECT_TRUE(catalog.resolve("replaced/new"));
  EXPECT_TRUE(catalog.resolve("d/deep/two"));
  EXPECT_EQ(catalog.resolve("file")->node.mode, 0600u);
  EXPECT_TRUE(catalog.resolve("d/one")->node.xattrs.empty());
  EXPECT_EQ(catalog.resolve("null")->node.device_minor, 3u);
  expect_as_merged();
}

TEST_F(OverlaySourceTest, WithAnIndexAHardLinkChangesUnderAllItsNames) {
  ASSERT_EQ(shell("cd lower && echo x >a && ln a b && ln a c"), 0);
  ASSERT_TRUE(publish_base());
  if (!change("echo more >>a && rm c", "index=on,redirect_dir=off,metacopy=off"))
    GTEST_SKIP() << "no overlay index here";
  const Status published = publish_upper();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(catalog.resolve("a")->node.size_bytes, 7u);
  EXPECT_EQ(catalog.resolve("a")->inode, catalog.resolve("b")->inode);
  EXPECT_FALSE(catalog.resolve("c"));
}

TEST_F(OverlaySourceTest, WithoutAnIndexAChangedNamePartsFromTheOthers) {
  ASSERT_EQ(shell("cd lower && echo x >a && ln a b"), 0);
  ASSERT_TRUE(publish_base());
  if (!change("echo more >>a")) GTEST_SKIP() << "no overlayfs here";
  ASSERT_TRUE(publish_upper());
  EXPECT_EQ(catalog.resolve("a")->node.size_bytes, 7u);
  EXPECT_EQ(catalog.resolve("b")->node.size_bytes, 2u);
  EXPECT_EQ(catalog.resolve("b")->nlink, 1u);
}

TEST_F(OverlaySourceTest, HardLinksMadeInTheOverlayAreKept) {
  ASSERT_EQ(shell("cd lower && echo x >a"), 0);
  ASSERT_TRUE(publish_base());
  if (!change("ln a b && echo y >c && ln c d")) GTEST_SKIP() << "no overlayfs here";
  ASSERT_TRUE(publish_upper());
  EXPECT_EQ(catalog.resolve("a")->inode, catalog.resolve("b")->inode);
  EXPECT_EQ(catalog.resolve("c")->inode, catalog.resolve("d")->inode);
}

TEST_F(OverlaySourceTest, WhiteoutsByXattrCountToo) {
  ASSERT_EQ(shell("echo x >lower/a && : >upper/a"), 0);
  ASSERT_TRUE(publish_base());
  if (::setxattr((directory.path() + "/upper/a").c_str(), "trusted.overlay.whiteout", "", 0, 0) != 0)
    GTEST_SKIP() << "no trusted xattrs here";
  ASSERT_TRUE(publish_upper());
  EXPECT_FALSE(catalog.resolve("a"));
}

TEST_F(OverlaySourceTest, WhatNeedsTheLowerLayerIsRefusedWithARemedy) {
  ASSERT_EQ(shell("mkdir upper/moved && echo x >upper/half"), 0);
  ASSERT_TRUE(publish_base());
  const auto mark = [&](const char* name, const char* xattr, const char* value) {
    return ::setxattr((directory.path() + "/upper/" + name).c_str(), xattr, value, strlen(value), 0) == 0;
  };
  if (!mark("moved", "trusted.overlay.redirect", "/d")) GTEST_SKIP() << "no trusted xattrs here";
  mark("half", "trusted.overlay.metacopy", "");
  const Error refused = publish_upper().error();
  EXPECT_EQ(refused.code, Code::kUnsupported);
  EXPECT_THAT(refused.message, HasSubstr("/moved: the overlay renamed it without copying"));
  EXPECT_THAT(refused.message, HasSubstr("/half: the overlay holds its metadata but not its data"));
}

}  // namespace
}  // namespace granary
