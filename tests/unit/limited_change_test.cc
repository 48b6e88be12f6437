#include "fs/client/limited_change.h"

#include <gtest/gtest.h>

#include "tests/support/changes.h"

namespace granary {
namespace {

class LimitedChangeTest : public testing::Test {
 protected:
  Status check(const CatalogId& after) {
    return check_limited_change({base_.catalog, after, {"opt/alice"}}, world_.objects.reader);
  }
  Code refusal(const CatalogId& after) {
    const Status checked = check(after);
    return checked ? Code::kInternal : checked.error().code;
  }
  InodeNumber inode(ByteView path) { return world_.open(base_.catalog)->resolve(path)->inode; }
  // What `content` would be stored as.
  std::vector<Slice> stored(const Bytes& content) {
    const ObjectId id = *world_.objects.writer.write(content);
    return {{id, 0, content.size()}};
  }

  CatalogWorld world_;
  const CatalogWorld::Finished base_ = world_.publish(
      {put_directory("bin"), put_file("bin/sh", "a shell"), put_directory("opt"), put_directory("opt/alice"),
       put_file("opt/alice/tool", "one"), put_directory("opt/bob"), put_file("opt/bob/tool", "his")});
};

TEST_F(LimitedChangeTest, WhatStaysInsideIsAccepted) {
  const auto changed = world_.publish(base_.catalog, {put_file("opt/alice/tool", "two"), put_directory("opt/alice/new"),
                                                      put_file("opt/alice/new/x", "x")});
  const Status checked = check(changed.catalog);
  EXPECT_TRUE(checked) << checked.error().message;
  EXPECT_TRUE(check(world_.publish(base_.catalog, {remove_path("opt/alice/tool")}).catalog));
}

TEST_F(LimitedChangeTest, WhatGoesOutsideIsRefused) {
  for (const Change& change :
       {put_file("bin/sh", "evil"), put_file("bin/new", "x"), remove_path("opt/bob/tool"), put_file("opt/alice2", "x"),
        with_mode(put_directory("opt"), 0777), put_symlink("bin/link", "sh")})
    EXPECT_EQ(refusal(world_.publish(base_.catalog, {change}).catalog), Code::kUntrusted) << change.path;
}

TEST_F(LimitedChangeTest, OtherBytesUnderTheSameDigestAreRefused) {
  const auto editor = world_.edit(base_.catalog);
  ASSERT_TRUE(editor->replace_slices(inode("bin/sh"), stored("EVIL sh")));
  const auto evil = world_.finish(*editor);
  EXPECT_EQ(evil.tree, base_.tree);  // the catalog claims that nothing has changed
  EXPECT_EQ(refusal(evil.catalog), Code::kUntrusted);
}

TEST_F(LimitedChangeTest, TheSameBytesPackedAnewAreAccepted) {
  const auto editor = world_.edit(base_.catalog);
  const ObjectId pack = *world_.objects.writer.write("in a pack: a shell");
  ASSERT_TRUE(editor->replace_slices(inode("bin/sh"), {{pack, 11, 7}}));
  const Status checked = check(world_.finish(*editor).catalog);
  EXPECT_TRUE(checked) << checked.error().message;
}

}  // namespace
}  // namespace granary
