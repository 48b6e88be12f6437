#include "fs/store/disk_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "tests/support/disk_usage.h"
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
  EXPECT_FALSE(exists(file_of(id)));
  std::filesystem::create_directories(std::filesystem::path(file_of(id)).parent_path());
  ASSERT_EQ(::mkfifo(file_of(id).c_str(), 0600), 0);
  EXPECT_FALSE(cache_->open(id));  // and does not wait for a writer
}

TEST_F(DiskCacheTest, TheQuotaHoldsWhateverGoesIn) {
  restart({.quota_bytes = 1 << 20});
  for (int i = 0; i < 300; ++i) {
    keep(str("object ", i) + Bytes(static_cast<size_t>(i * 137 % 40'000), 'g'));
    ASSERT_LE(cache_->stats().used_bytes, uint64_t{1} << 20);
    if (i % 20 == 0) {
      ASSERT_LE(disk_usage(path_), uint64_t{1} << 20);
    }
  }
  EXPECT_GT(cache_->stats().evictions, 100u);
  EXPECT_GE(cache_->stats().used_bytes, disk_usage(path_));
}

TEST_F(DiskCacheTest, WhatWasUsedLastStaysLongest) {
  constexpr uint64_t kEach = 3 * 4096;  // a block, a name, and most often a directory
  restart({.quota_bytes = 100 * kEach});
  std::vector<ObjectId> ids;
  for (int i = 0; i < 80; ++i) {
    ids.push_back(keep(str("object ", i)));
    const timespec times[2] = {{1'000'000 + i, 0}, {0, UTIME_OMIT}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file_of(ids.back()).c_str(), times, 0), 0);
  }
  EXPECT_TRUE(cache_->open(ids[0]));  // the oldest, until now
  restart({.quota_bytes = 40 * kEach});
  EXPECT_TRUE(eventually([&] { return cache_->stats().used_bytes <= 36 * kEach; }));
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
    const UniqueFd directory = open_file(path_, O_RDONLY | O_DIRECTORY).value();
    const auto reserved = SharedUsage(directory.get()).reserve(53'248, 1 << 30);  // and never given back
    ASSERT_TRUE(reserved && reserved->fits);
  }
  restart();
  EXPECT_EQ(cache_->stats().used_bytes, used);
  EXPECT_FALSE(exists(path_ + "/tmp/1234.5"));
}

TEST_F(DiskCacheTest, ALostOrDamagedUsageFileIsMadeAnew) {
  keep("hello");
  const uint64_t used = cache_->stats().used_bytes;
  const Bytes good = read_file(path_ + "/usage", 4096).value();
  Bytes absurd = good;
  absurd[23] = '\x7f';
  const Bytes of_version_1 = "RGUSAGE1" + Bytes(4088, '\0');
  for (const Bytes& content : {Bytes(), Bytes("short"), Bytes("this is no file of counters"), absurd, of_version_1,
                               good + "x", Bytes(1 << 20, 'x')}) {
    for (const bool is_running : {false, true}) {
      if (!is_running) cache_.reset();
      ASSERT_TRUE(replace_file(path_ + "/usage", content, 0600, Durability::kFast));
      if (!is_running) restart();
      keep("hello");  // what is lost while we run is noticed when something is to go in
      keep(str("another ", content.size(), is_running));
      cache_->discard(ObjectId::of(str("another ", content.size(), is_running)));
      EXPECT_EQ(cache_->stats().used_bytes, used) << content.size() << is_running;
    }
  }
  const std::vector<std::function<void()>> ways{
      [] {}, [&] { ASSERT_EQ(::symlink("/etc/passwd", (path_ + "/usage").c_str()), 0); },
      [&] { ASSERT_EQ(::mkfifo((path_ + "/usage").c_str(), 0600), 0); },
      [&] { ASSERT_TRUE(make_directories(path_ + "/usage/deep")); }};
  for (const auto& put_in_the_way : ways) {
    cache_.reset();
    ASSERT_TRUE(remove_tree(path_ + "/usage"));
    put_in_the_way();
    restart();
    keep("another");
    cache_->discard(ObjectId::of("another"));
    EXPECT_EQ(cache_->stats().used_bytes, used);
  }
}

TEST_F(DiskCacheTest, WhatIsForeignIsClearedAwayWhenAllIsCounted) {
  const auto id = keep("hello");
  const std::string folder = std::filesystem::path(file_of(id)).parent_path();
  const uint64_t used = cache_->stats().used_bytes;
  cache_.reset();
  const ObjectId empty = ObjectId::of("never here");
  ASSERT_TRUE(make_directories(std::filesystem::path(file_of(empty)).parent_path()));
  ASSERT_TRUE(replace_file(file_of(empty), "", 0600, Durability::kFast));
  ASSERT_TRUE(make_directories(folder + "/directory/deep/deeper"));
  ASSERT_TRUE(replace_file(folder + "/README", Bytes(100'000, 'x'), 0600, Durability::kFast));
  ASSERT_EQ(::symlink("/etc", (folder + "/link").c_str()), 0);
  ASSERT_TRUE(replace_file(path_ + "/tmp/left.4096", Bytes(4096, 'x'), 0600, Durability::kFast));
  ASSERT_TRUE(make_directories(path_ + "/tmp/" + "a/b"));
  ASSERT_EQ(::symlink("/etc", (path_ + "/tmp/link").c_str()), 0);
  ASSERT_TRUE(remove_tree(path_ + "/usage"));
  restart();
  EXPECT_TRUE(exists("/etc/passwd"));
  EXPECT_TRUE(std::filesystem::is_empty(path_ + "/tmp"));
  EXPECT_FALSE(exists(file_of(empty)));
  for (const char* name : {"/directory", "/README", "/link"}) EXPECT_FALSE(exists(folder + name)) << name;
  EXPECT_TRUE(cache_->open(id));
  EXPECT_LE(cache_->stats().used_bytes, used + 4096);  // a directory that is empty now
}

TEST_F(DiskCacheTest, WhatIsInTheWayOfADirectoryOrAnObjectIsRemoved) {
  const auto id = ObjectId::of("hello");
  cache_.reset();
  ASSERT_TRUE(remove_tree(path_ + "/objects"));
  ASSERT_TRUE(replace_file(path_ + "/objects", "a file", 0600, Durability::kFast));
  restart();
  keep("hello");
  EXPECT_TRUE(cache_->open(id));
  cache_.reset();
  ASSERT_TRUE(remove_tree(file_of(id)));
  ASSERT_TRUE(make_directories(file_of(id) + "/a/b"));
  restart();
  EXPECT_FALSE(cache_->open(id));
  keep("hello");
  EXPECT_TRUE(cache_->open(id));
}

TEST_F(DiskCacheTest, ADirectoryOfSomethingElseIsNotTouched) {
  const std::string other = directory_.path() + "/other";
  for (const char* name : {"/tmp/precious", "/objects/ab/precious"}) {
    ASSERT_TRUE(make_directories(std::filesystem::path(other + name).parent_path()));
    ASSERT_TRUE(replace_file(other + name, "precious", 0600, Durability::kFast));
  }
  ASSERT_TRUE(replace_file(other + "/head.json", "{}", 0600, Durability::kFast));
  const auto refused = DiskCache::open(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_TRUE(exists(other + "/tmp/precious"));
  EXPECT_TRUE(exists(other + "/objects/ab/precious"));
}

TEST_F(DiskCacheTest, AFileWithAnotherNameOrThatOthersMayWriteIsNoObject) {
  const auto linked = keep("hello");
  const auto writable = keep("world");
  cache_.reset();
  ASSERT_EQ(::link(file_of(linked).c_str(), (directory_.path() + "/elsewhere").c_str()), 0);
  ASSERT_EQ(::chmod(file_of(writable).c_str(), 0666), 0);
  restart();
  EXPECT_FALSE(cache_->open(linked));
  EXPECT_FALSE(cache_->open(writable));
  keep("hello");
  EXPECT_TRUE(cache_->open(linked));
  EXPECT_TRUE(exists(directory_.path() + "/elsewhere"));
}

TEST_F(DiskCacheTest, ADirectoryThatIsReplacedWhileItIsUsedIsTakenUp) {
  keep("hello");
  ASSERT_TRUE(remove_tree(path_));
  EXPECT_TRUE(eventually([&] { return cache_->put(ObjectId::of("world"), "world").has_value(); }));
  EXPECT_TRUE(exists(file_of(ObjectId::of("world"))));
  EXPECT_TRUE(cache_->open(ObjectId::of("world")));
}

TEST_F(DiskCacheTest, ACacheThatOthersMayReadStaysReadableForThem) {
  ASSERT_EQ(::chmod(path_.c_str(), 0755), 0);
  const auto id = keep("hello");
  struct stat info {};
  ASSERT_EQ(::stat(file_of(id).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644u);
  ASSERT_EQ(::stat(std::filesystem::path(file_of(id)).parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
}

// Stopped between two steps, as a debugger or an out-of-memory freezer does.
TEST_F(DiskCacheTest, WhoeverHoldsTheEvictionLockForEverHoldsUpNobodyWhoReads) {
  restart({.quota_bytes = 200'000, .room_patience = std::chrono::milliseconds(300)});
  const auto id = keep("hello");
  ASSERT_TRUE(replace_file(file_of(id), "hellO", 0600, Durability::kFast));
  const FileLock held = FileLock::try_lock(path_ + "/lock").value();
  bool was_refused = false;
  for (int i = 0; i < 20 && !was_refused; ++i) {
    const Bytes plain = str("object ", i) + Bytes(20'000, 'g');
    was_refused = !cache_->put(ObjectId::of(plain), plain);
  }
  EXPECT_TRUE(was_refused);
  cache_->discard(id);
  EXPECT_FALSE(cache_->open(id));
  EXPECT_GT(cache_->stats().used_bytes, 0u);
}

TEST_F(DiskCacheTest, TwoMountsShareOneCache) {
  const auto other = DiskCache::open(path_, {}).value();
  const uint64_t before = cache_->stats().used_bytes;
  const auto id = keep("hello");
  EXPECT_TRUE(other->open(id));
  EXPECT_EQ(other->stats().used_bytes, cache_->stats().used_bytes);
  EXPECT_TRUE(other->put(id, "hello"));
  EXPECT_EQ(other->stats().used_bytes, cache_->stats().used_bytes);
  other->discard(id);
  EXPECT_EQ(cache_->stats().used_bytes, before);
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
