#include "fs/store/scrub.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/store/disk_cache.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

class ScrubTest : public testing::Test {
 protected:
  ObjectId keep(const Bytes& plain) {
    const ObjectId id = ObjectId::of(plain);
    EXPECT_TRUE(cache_->put(id, plain));
    return id;
  }
  // Below the feet of whoever has it open: the same inode, other bytes.
  void flip(const ObjectId& id) {
    const UniqueFd fd = open_file(path_ + "/" + object_path(id), O_WRONLY).value();
    ASSERT_TRUE(write_all_at(fd.get(), 0, "X"));
  }
  ScrubReport run(int first_folder = 0) {
    auto folder = CacheFolder::open_existing(path_).value();
    return scrub(*folder, first_folder, [](const ScrubReport&) { return true; }).value();
  }

  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  const std::string path_ = directory_.path() + "/cache";
  std::unique_ptr<DiskCache> cache_ = DiskCache::open(path_).value();
};

TEST_F(ScrubTest, WhatIsWholeStays) {
  for (int i = 0; i < 20; ++i) keep(str("object ", i));
  keep("");
  const ScrubReport report = run();
  EXPECT_EQ(report.objects, 21u);
  EXPECT_EQ(report.damaged + report.unreadable + report.removed + report.leftovers, 0u);
  EXPECT_EQ(report.next_folder, 256);
}

TEST_F(ScrubTest, WhatIsDamagedGoesAndWhoeverHasItOpenNotices) {
  const auto id = keep("hello");
  keep("world");
  const auto handle = cache_->open(id);
  ASSERT_TRUE(handle);
  flip(id);
  const ScrubReport report = run();
  EXPECT_EQ(report.damaged, 1u);
  EXPECT_EQ(report.removed, 1u);
  EXPECT_EQ(report.named, std::vector<ObjectId>{id});
  EXPECT_TRUE(eventually([&] { return !cache_->open(id); }));
  keep("hello");
  EXPECT_EQ(**cache_->open(id)->whole(), "hello");
  EXPECT_EQ(run().damaged, 0u);
}

TEST_F(ScrubTest, MayBeStoppedAndGoesOnWhereItWas) {
  for (int i = 0; i < 50; ++i) keep(str("object ", i));
  auto folder = CacheFolder::open_existing(path_).value();
  const auto first = scrub(*folder, 0, [](const ScrubReport& report) { return report.objects < 20; }).value();
  EXPECT_EQ(first.objects, 20u);
  EXPECT_LT(first.next_folder, 256);
  const ScrubReport rest = run(first.next_folder);
  EXPECT_GE(first.objects + rest.objects, 50u);
}

TEST_F(ScrubTest, WhatIsNoCacheIsNotLookedAt) {
  EXPECT_EQ(CacheFolder::open_existing(directory_.path() + "/nothing").error().code, Code::kNotFound);
  ASSERT_TRUE(make_directories(directory_.path() + "/empty"));
  EXPECT_EQ(CacheFolder::open_existing(directory_.path() + "/empty").error().code, Code::kNotFound);
  EXPECT_EQ(CacheFolder::open_existing(directory_.path()).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace granary
