#include "fs/client/offline_copy.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "fs/base/file.h"

namespace granary {
namespace {

class OfflineCopyTest : public testing::Test {
 protected:
  std::string file_of(const ObjectId& id) const { return directory_.path() + "/copy/" + id.hex(); }

  TemporaryDirectory directory_ = *TemporaryDirectory::make();
  OfflineCopy copy_{directory_.path() + "/copy"};
  const Bytes names_ = "the names";
  const ObjectId id_ = ObjectId::of(names_);
};

TEST_F(OfflineCopyTest, AFreshOneHasNothing) {
  EXPECT_FALSE(copy_.head());
  EXPECT_FALSE(copy_.object(id_));
}

TEST_F(OfflineCopyTest, WhatIsKeptComesBack) {
  copy_.keep_head("{\"one\"}");
  copy_.keep_head("{\"two\"}");
  copy_.keep_object(id_, names_);
  EXPECT_EQ(copy_.head(), "{\"two\"}");
  EXPECT_EQ(copy_.object(id_), names_);
}

TEST_F(OfflineCopyTest, ADamagedObjectIsNotThereAndHeals) {
  copy_.keep_object(id_, names_);
  ASSERT_TRUE(replace_file(file_of(id_), "the Names", 0600, Durability::kFast));
  EXPECT_FALSE(copy_.object(id_));
  copy_.keep_object(id_, names_);
  EXPECT_EQ(copy_.object(id_), names_);
}

TEST_F(OfflineCopyTest, TheOnesThatWereNotWantedTheLongestGo) {
  copy_.keep_object(id_, names_);
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  const Bytes second = "second";
  copy_.keep_object(ObjectId::of(second), second);
  for (const ObjectId& id : {id_, ObjectId::of(second)}) std::filesystem::last_write_time(file_of(id), long_ago);
  ASSERT_TRUE(copy_.object(id_));  // wanted again
  for (size_t i = 0; i + 1 < OfflineCopy::kMostObjects; ++i) {
    const Bytes other = str("other ", i);
    copy_.keep_object(ObjectId::of(other), other);
  }
  EXPECT_TRUE(copy_.object(id_));
  EXPECT_FALSE(copy_.object(ObjectId::of(second)));
}

TEST_F(OfflineCopyTest, NoPlaceToKeepItIsNoReasonToFail) {
  const OfflineCopy nowhere("/proc/no/such/place");
  nowhere.keep_head("{}");
  nowhere.keep_object(id_, names_);
  EXPECT_FALSE(nowhere.head());
}

}  // namespace
}  // namespace granary
