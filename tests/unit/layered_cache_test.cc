#include "fs/store/layered_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/store/disk_cache.h"
#include "tests/support/mem_cache.h"

namespace granary {
namespace {

class LayeredCacheTest : public testing::Test {
 protected:
  LayeredCacheTest() {
    log_fd_ = open_file(directory_.path() + "/log", O_RDWR | O_CREAT | O_APPEND, 0600).value();
    log::set_descriptor(log_fd_.get());
    EXPECT_TRUE(make_directories(lower_));
  }
  ~LayeredCacheTest() override { log::set_descriptor(STDERR_FILENO); }

  ObjectId keep_below(const Bytes& plain, const std::string& directory) {
    const ObjectId id = ObjectId::of(plain);
    const std::string path = directory + "/" + object_path(id);
    EXPECT_TRUE(make_directories(path.substr(0, path.rfind('/'))));
    EXPECT_TRUE(replace_file(path, plain, 0644, Durability::kFast));
    return id;
  }
  ObjectId keep_below(const Bytes& plain) { return keep_below(plain, lower_); }
  std::string below(const ObjectId& id) const { return lower_ + "/" + object_path(id); }
  void start(const std::vector<std::string>& lower) {
    auto own = std::make_unique<MemCache>();
    own_ = own.get();
    cache_ = std::make_unique<LayeredCache>(std::move(own), lower);
  }
  std::string logged() { return read_file(directory_.path() + "/log", 1 << 20).value(); }

  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  const std::string lower_ = directory_.path() + "/lower";
  UniqueFd log_fd_;
  MemCache* own_ = nullptr;
  std::unique_ptr<LayeredCache> cache_;
};

TEST_F(LayeredCacheTest, WhatIsBelowIsServedWhereItLies) {
  const auto id = keep_below("hello");
  start({lower_});
  EXPECT_TRUE(cache_->holds(id));
  for (int i = 0; i < 2; ++i) {
    const auto hit = cache_->open(id);
    ASSERT_TRUE(hit);
    EXPECT_GE(hit->fd(), 0);
    EXPECT_EQ(**hit->whole(), "hello");
  }
  EXPECT_FALSE(own_->holds(id));
  EXPECT_EQ(cache_->stats().lower_hits, 2u);
  EXPECT_EQ(cache_->stats().hits, 2u);
  EXPECT_EQ(cache_->stats().misses, 0u);
}

TEST_F(LayeredCacheTest, WhatOthersCouldChangeIsCopiedUp) {
  const auto writable = keep_below("hello");
  ASSERT_EQ(::chmod(below(writable).c_str(), 0666), 0);
  std::vector<ObjectId> ids{writable};
  if (::geteuid() == 0) {
    ids.push_back(keep_below("world"));
    ASSERT_EQ(::chown(below(ids.back()).c_str(), 12345, 12345), 0);
  }
  start({lower_});
  for (const ObjectId& id : ids) {
    const auto hit = cache_->open(id);
    ASSERT_TRUE(hit);
    EXPECT_EQ(hit->fd(), -1);
    ASSERT_TRUE(replace_file(below(id), "poisoned", 0644, Durability::kFast));
    EXPECT_NE(**hit->whole(), "poisoned");
    EXPECT_NE(**cache_->open(id)->whole(), "poisoned");
    EXPECT_TRUE(own_->holds(id));
  }
}

TEST_F(LayeredCacheTest, ADamagedObjectBelowIsAMissAndToldOfOnce) {
  const auto id = keep_below("hello");
  ASSERT_TRUE(replace_file(below(id), "hellO", 0644, Durability::kFast));
  start({lower_});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(cache_->open(id));
  EXPECT_FALSE(cache_->holds(id));
  EXPECT_TRUE(exists(below(id)));
  const std::string text = logged();
  EXPECT_NE(text.find("lower cache object damaged"), std::string::npos);
  EXPECT_EQ(text.find("lower cache object damaged"), text.rfind("lower cache object damaged"));
  ASSERT_TRUE(cache_->put(id, "hello"));
  EXPECT_TRUE(cache_->open(id));
}

TEST_F(LayeredCacheTest, SeveralAreAskedInTheirOrder) {
  const auto id = keep_below("hello");
  const std::string second = directory_.path() + "/second";
  const auto other = keep_below("world", second);
  start({lower_, directory_.path() + "/missing", second});
  EXPECT_TRUE(cache_->open(id));
  EXPECT_TRUE(cache_->open(other));
  EXPECT_FALSE(cache_->open(ObjectId::of("nobody")));
  EXPECT_EQ(cache_->stats().misses, 1u);
}

TEST_F(LayeredCacheTest, OneThatComesLaterIsUsedThen) {
  const std::string later = directory_.path() + "/later";
  start({later});
  EXPECT_NE(logged().find("lower cache missing"), std::string::npos);
  const auto id = ObjectId::of("hello");
  EXPECT_FALSE(cache_->open(id));
  keep_below("hello", later);
  EXPECT_TRUE(cache_->open(id));
}

TEST_F(LayeredCacheTest, NothingIsFollowedAndNoPipeIsWaitedFor) {
  const auto id = keep_below("hello");
  ASSERT_EQ(::rename(below(id).c_str(), (lower_ + "/elsewhere").c_str()), 0);
  ASSERT_EQ(::symlink((lower_ + "/elsewhere").c_str(), below(id).c_str()), 0);
  start({lower_});
  EXPECT_FALSE(cache_->open(id));
  ASSERT_EQ(::unlink(below(id).c_str()), 0);
  ASSERT_EQ(::mkfifo(below(id).c_str(), 0644), 0);
  EXPECT_FALSE(cache_->open(id));
}

}  // namespace
}  // namespace granary
