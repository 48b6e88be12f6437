#include "fs/store/disk_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

class DiskCacheTest : public testing::Test {
 protected:
  DiskCacheTest() {
    log_fd_ = open_file(directory_.path() + "/log", O_RDWR | O_CREAT | O_APPEND, 0600).value();
    log::set_descriptor(log_fd_.get());
    restart();
  }
  ~DiskCacheTest() override {
    cache_.reset();
    log::set_descriptor(STDERR_FILENO);
  }

  // As a new process would find it.
  void restart(const DiskCacheOptions& options = {}) {
    cache_.reset();
    cache_ = DiskCache::open(path_, options).value();
  }
  ObjectId keep(const Bytes& plain) {
    const ObjectId id = ObjectId::of(plain);
    const Status kept = cache_->put(id, plain);
    EXPECT_TRUE(kept) << kept.error().message;
    return id;
  }
  std::string file_of(const ObjectId& id) const { return path_ + "/" + object_path(id); }
  uint64_t bytes_on_disk() const {
    uint64_t sum = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      const bool counts = entry.is_regular_file() && entry.path().string().find("/objects/") != std::string::npos;
      std::error_code gone;  // evicted meanwhile
      const auto size = counts ? entry.file_size(gone) : 0;
      if (counts && !gone) sum += std::max<uint64_t>(1, (size + 4095) / 4096) * 4096;
    }
    return sum;
  }
  std::string logged() { return read_file(directory_.path() + "/log", 1 << 20).value(); }

  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  const std::string path_ = directory_.path() + "/cache";
  UniqueFd log_fd_;
  std::unique_ptr<DiskCache> cache_;
};

TEST_F(DiskCacheTest, OutlivesARestart) {
  const auto id = keep("hello");
  const uint64_t used = cache_->stats().used_bytes;
  restart();
  EXPECT_EQ(**cache_->open(id)->whole(), "hello");
  EXPECT_EQ(cache_->stats().used_bytes, used);
}

TEST_F(DiskCacheTest, NobodyElseMayLookInside) {
  const auto id = keep("hello");
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  ASSERT_EQ(::stat(file_of(id).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(DiskCacheTest, ADirectoryThatOthersMayWriteToIsRefused) {
  ::mkdir((directory_.path() + "/shared").c_str(), 0777);
  ::chmod((directory_.path() + "/shared").c_str(), 01777);
  const auto refused = DiskCache::open(directory_.path() + "/shared");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
}

TEST_F(DiskCacheTest, ADamagedObjectIsFoundAtItsFirstUseAfterARestart) {
  const auto flipped = keep("hello");
  const auto shortened = keep("world");
  const auto grown = keep("again");
  ASSERT_TRUE(replace_file(file_of(flipped), "hellO", 0600, Durability::kFast));
  ASSERT_TRUE(replace_file(file_of(shortened), "", 0600, Durability::kFast));
  ASSERT_TRUE(replace_file(file_of(grown), "again and again", 0600, Durability::kFast));
  restart();
  for (const ObjectId& id : {flipped, shortened, grown}) {
    EXPECT_FALSE(cache_->open(id));
    EXPECT_FALSE(exists(file_of(id)));
  }
  EXPECT_EQ(cache_->stats().healed, 3u);
  EXPECT_NE(logged().find("warn cache object damaged"), std::string::npos);
  keep("hello");
  EXPECT_TRUE(cache_->open(flipped));
}

TEST_F(DiskCacheTest, WhatIsNoFileIsNotFollowed) {
  const auto id = ObjectId::of("hello");
  std::filesystem::create_directories(std::filesystem::path(file_of(id)).parent_path());
  ASSERT_TRUE(replace_file(directory_.path() + "/outside", "hello", 0600, Durability::kFast));
  ASSERT_EQ(::symlink((directory_.path() + "/outside").c_str(), file_of(id).c_str()), 0);
  EXPECT_FALSE(cache_->open(id));
  ASSERT_EQ(::unlink(file_of(id).c_str()), 0);
  ASSERT_EQ(::mkfifo(file_of(id).c_str(), 0600), 0);
  EXPECT_FALSE(cache_->open(id));  // and does not wait for a writer
}

TEST_F(DiskCacheTest, TheQuotaHoldsWhateverGoesIn) {
  restart({.quota_bytes = 1 << 20});
  for (int i = 0; i < 300; ++i) {
    keep(str("object ", i) + Bytes(static_cast<size_t>(i * 137 % 40'000), 'g'));
    ASSERT_LE(cache_->stats().used_bytes, uint64_t{1} << 20);
    if (i % 20 == 0) {
      ASSERT_LE(bytes_on_disk(), uint64_t{1} << 20);
    }
  }
  EXPECT_GT(cache_->stats().evictions, 100u);
  EXPECT_TRUE(eventually([&] { return cache_->stats().used_bytes == bytes_on_disk(); }));
}

TEST_F(DiskCacheTest, WhatWasUsedLastStaysLongest) {
  restart({.quota_bytes = 100 * 4096});
  std::vector<ObjectId> ids;
  for (int i = 0; i < 80; ++i) {
    ids.push_back(keep(str("object ", i)));
    const timespec times[2] = {{1'000'000 + i, 0}, {0, UTIME_OMIT}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file_of(ids.back()).c_str(), times, 0), 0);
  }
  restart({.quota_bytes = 50 * 4096});
  EXPECT_TRUE(cache_->open(ids[0]));  // the oldest, until now
  keep("one more");
  EXPECT_TRUE(eventually([&] { return cache_->stats().used_bytes <= 43 * 4096; }));
  EXPECT_TRUE(exists(file_of(ids[0])));
  EXPECT_FALSE(exists(file_of(ids[1])));
  EXPECT_FALSE(exists(file_of(ids[30])));
  EXPECT_TRUE(exists(file_of(ids[79])));
}

TEST_F(DiskCacheTest, AnObjectLargerThanTheQuotaIsNotKept) {
  restart({.quota_bytes = 64 * 1024});
  const auto small = keep("small");
  const Bytes large(100'000, 'x');
  const Status refused = cache_->put(ObjectId::of(large), large);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kNoSpace);
  EXPECT_TRUE(cache_->open(small));
  EXPECT_EQ(logged().find("degraded"), std::string::npos);
}

TEST_F(DiskCacheTest, AQuotaBelowOneBlockKeepsNothingAndComplainsSoftly) {
  restart({.quota_bytes = 100});
  EXPECT_FALSE(cache_->put(ObjectId::of("hello"), "hello"));
  EXPECT_EQ(cache_->stats().put_failures, 1u);
}

TEST_F(DiskCacheTest, WhatAKilledProcessLeftBehindIsCountedAnew) {
  keep("hello");
  const uint64_t used = cache_->stats().used_bytes;
  cache_.reset();
  ASSERT_TRUE(replace_file(path_ + "/tmp/1234.5", Bytes(50'000, 'x'), 0600, Durability::kFast));
  {
    bool is_new = false;
    const auto usage = SharedUsage::open(path_ + "/usage", is_new).value();
    EXPECT_FALSE(is_new);
    ASSERT_TRUE(usage->reserve(53'248, 1 << 30));  // and never given back
  }
  restart();
  EXPECT_EQ(cache_->stats().used_bytes, used);
  EXPECT_FALSE(exists(path_ + "/tmp/1234.5"));
}

TEST_F(DiskCacheTest, ALostOrDamagedUsageFileIsMadeAnew) {
  keep("hello");
  const uint64_t used = cache_->stats().used_bytes;
  for (const char* content : {"", "short", "this is not a page of counters"}) {
    cache_.reset();
    ASSERT_TRUE(replace_file(path_ + "/usage", content, 0600, Durability::kFast));
    restart();
    EXPECT_EQ(cache_->stats().used_bytes, used);
  }
  ASSERT_TRUE(remove_tree(path_ + "/usage"));
  restart();
  EXPECT_EQ(cache_->stats().used_bytes, used);
}

TEST_F(DiskCacheTest, TwoMountsShareOneCache) {
  const auto other = DiskCache::open(path_, {}).value();
  const auto id = keep("hello");
  EXPECT_TRUE(other->open(id));
  EXPECT_EQ(other->stats().used_bytes, cache_->stats().used_bytes);
  EXPECT_TRUE(other->put(id, "hello"));
  EXPECT_EQ(other->stats().used_bytes, cache_->stats().used_bytes);
  other->discard(id);
  EXPECT_EQ(cache_->stats().used_bytes, 0u);
}

TEST_F(DiskCacheTest, FewDescriptorsServeManyObjects) {
  restart({.max_open_files = 4});
  std::vector<ObjectId> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(keep(str("object ", i)));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 50; ++i) EXPECT_EQ(**cache_->open(ids[static_cast<size_t>(i)])->whole(), str("object ", i));
  }
  size_t open_objects = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone).string().starts_with(path_ + "/objects")) ++open_objects;
  }
  EXPECT_LE(open_objects, 4u);
}

TEST_F(DiskCacheTest, AHandleOutlivesEviction) {
  const auto id = keep("hello");
  const auto hit = cache_->open(id);
  cache_->discard(id);
  cache_.reset();
  EXPECT_EQ(**hit->whole(), "hello");
}

}  // namespace
}  // namespace granary
