// The cache beside other processes, killed processes and disks that are full or read-only.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <random>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/store/disk_cache.h"
#include "tests/support/disk_usage.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

Bytes content_of(uint32_t number) { return str("object ", number) + Bytes(number * 977 % 60'000, 'g'); }

// What a busy mount does: reads what is there and puts what is not. The exit status of a process.
int read_and_put(const std::string& directory, uint64_t quota_bytes, uint32_t seed, int rounds) {
  const auto cache = DiskCache::open(directory, {.quota_bytes = quota_bytes});
  if (!cache) return 1;
  std::minstd_rand random(seed + 1);
  for (int i = 0; i < rounds; ++i) {
    const Bytes plain = content_of(static_cast<uint32_t>(random() % 200));
    const auto id = ObjectId::of(plain);
    const auto hit = (*cache)->open(id);
    if (hit && **hit->whole() != plain) return 2;
    if (!hit) static_cast<void>((*cache)->put(id, plain));
  }
  return 0;
}

pid_t start_process(const std::function<int()>& run) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(run());
  return pid;
}

// While it is counted they stand still: what is counted last must not lie in the room of what was counted first.
uint64_t usage_at_one_moment(const std::string& directory, const std::vector<pid_t>& processes) {
  for (const pid_t process : processes) ::kill(process, SIGSTOP);
  for (const pid_t process : processes) {
    siginfo_t what{};
    ::waitid(P_PID, static_cast<id_t>(process), &what, WSTOPPED | WEXITED | WNOWAIT);
  }
  const uint64_t usage = disk_usage(directory);
  for (const pid_t process : processes) ::kill(process, SIGCONT);
  return usage;
}

TEST(DiskCacheProcesses, TheQuotaHoldsWhileFourMountsWrite) {
  const TemporaryDirectory directory = TemporaryDirectory::make().value();
  const std::string path = directory.path() + "/cache";
  constexpr uint64_t kQuota = 2 << 20;
  std::vector<pid_t> mounts;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    mounts.push_back(start_process([&] { return read_and_put(path, kQuota, seed, 150); }));
  }
  uint64_t most = 0;
  while (!mounts.empty()) {
    most = std::max(most, usage_at_one_moment(path, mounts));
    int status = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended <= 0) continue;
    std::erase(mounts, ended);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  EXPECT_LE(most, kQuota);
  EXPECT_GT(most, kQuota / 2);
  const auto cache = DiskCache::open(path, {.quota_bytes = kQuota}).value();
  EXPECT_GE(cache->stats().used_bytes, disk_usage(path));
}

TEST(DiskCacheProcesses, AMountKilledAtAnyMomentLeavesACacheThatIsWhole) {
  const TemporaryDirectory directory = TemporaryDirectory::make().value();
  const std::string path = directory.path() + "/cache";
  constexpr uint64_t kQuota = 2 << 20;
  for (uint32_t round = 0; round < 8; ++round) {
    const pid_t mount = start_process([&] { return read_and_put(path, kQuota, round, 1'000'000); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * round));
    ::kill(mount, SIGKILL);
    int status = 0;
    ::waitpid(mount, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    const auto cache = DiskCache::open(path, {.quota_bytes = kQuota}).value();
    EXPECT_TRUE(eventually([&] { return std::filesystem::is_empty(path + "/tmp"); }));
    EXPECT_GE(cache->stats().used_bytes, disk_usage(path));
    for (uint32_t number = 0; number < 200; ++number) cache->open(ObjectId::of(content_of(number)));
    EXPECT_EQ(cache->stats().healed, 0u);
  }
}

TEST(DiskCacheProcesses, TheQuotaHoldsWhileMountsAreKilledAndStarted) {
  const TemporaryDirectory directory = TemporaryDirectory::make().value();
  const std::string path = directory.path() + "/cache";
  constexpr uint64_t kQuota = 4 << 20;
  std::minstd_rand random(4711);
  std::vector<pid_t> mounts(3, -1);
  uint64_t most = 0;
  for (uint32_t round = 0; round < 60; ++round) {
    pid_t& mount = mounts[random() % mounts.size()];
    if (mount > 0) {
      ::kill(mount, SIGKILL);
      ::waitpid(mount, nullptr, 0);
    }
    mount = start_process([&] { return read_and_put(path, kQuota, round, 1'000'000); });
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
    most = std::max(most, disk_usage(path));
  }
  for (const pid_t mount : mounts) {
    if (mount <= 0) continue;
    ::kill(mount, SIGKILL);
    ::waitpid(mount, nullptr, 0);
  }
  EXPECT_LE(most, kQuota);
  EXPECT_GT(most, kQuota / 4);
  const auto cache = DiskCache::open(path, {.quota_bytes = kQuota}).value();
  EXPECT_TRUE(eventually([&] { return std::filesystem::is_empty(path + "/tmp"); }));
  EXPECT_TRUE(eventually([&] { return cache->stats().used_bytes >= disk_usage(path); }));
  for (uint32_t number = 0; number < 200; ++number) cache->open(ObjectId::of(content_of(number)));
  EXPECT_EQ(cache->stats().healed, 0u);
}

// A small file system of its own for a cache.
class DiskCacheOnAFullDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting a tmpfs needs root";
    if (::mount("granary-test", disk().c_str(), "tmpfs", 0, "size=4m,mode=700") != 0)
      GTEST_SKIP() << "cannot mount tmpfs";
    mounted_ = true;
    log_fd_ = open_file(directory_.path() + "/log", O_RDWR | O_CREAT | O_APPEND, 0600).value();
    log::set_descriptor(log_fd_.get());
    restart();
  }
  void TearDown() override {
    cache_.reset();
    log::set_descriptor(STDERR_FILENO);
    if (mounted_) ::umount2(disk().c_str(), MNT_DETACH);
  }
  void restart() {
    cache_.reset();
    cache_ = DiskCache::open(disk() + "/cache",
                             {.quota_bytes = 1 << 30, .pause_after_failure = std::chrono::milliseconds(0)})
                 .value();
  }
  const std::string& disk() const { return disk_; }
  Status put(uint32_t number) {
    const Bytes plain = content_of(number);
    return cache_->put(ObjectId::of(plain), plain);
  }
  bool has(uint32_t number) {
    const Bytes plain = content_of(number);
    const auto hit = cache_->open(ObjectId::of(plain));
    return hit && **hit->whole() == plain;
  }
  size_t lines(const std::string& event) {
    const std::string text = read_file(directory_.path() + "/log", 1 << 20).value();
    size_t count = 0;
    for (size_t at = text.find(event); at != std::string::npos; at = text.find(event, at + 1)) ++count;
    return count;
  }
  // Takes all the room that is left, as somebody else's files would.
  void fill_up() {
    const UniqueFd fd = open_file(disk() + "/ballast", O_WRONLY | O_CREAT | O_APPEND, 0600).value();
    while (write_all(fd.get(), Bytes(4096, 'b'))) {
    }
  }

  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  const std::string disk_ = [this] {
    const std::string path = directory_.path() + "/disk";
    ::mkdir(path.c_str(), 0700);
    return path;
  }();
  bool mounted_ = false;
  UniqueFd log_fd_;
  std::unique_ptr<DiskCache> cache_;
};

TEST_F(DiskCacheOnAFullDisk, AFullDiskEvictsAndGoesOn) {
  for (uint32_t number = 0; number < 200; ++number) EXPECT_TRUE(put(number)) << number;
  EXPECT_TRUE(has(199));
  EXPECT_FALSE(has(0));
  EXPECT_GT(cache_->stats().evictions, 0u);
  EXPECT_EQ(lines("degraded"), 0u);
}

TEST_F(DiskCacheOnAFullDisk, ADiskThatSomebodyElseFilledDegradesSoftlyAndRecovers) {
  fill_up();
  for (uint32_t number = 1; number < 50; ++number) {
    const Status refused = put(number);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kNoSpace) << refused.error().message;
  }
  EXPECT_EQ(lines("warn cache degraded"), 1u);
  ASSERT_EQ(::unlink((disk() + "/ballast").c_str()), 0);
  EXPECT_TRUE(put(1));
  EXPECT_TRUE(has(1));
  EXPECT_EQ(lines("warn cache works again"), 1u);
  EXPECT_EQ(cache_->stats().put_failures, 49u);
}

TEST_F(DiskCacheOnAFullDisk, ACacheMayBeMadeOnAFullDiskAndWorksOnceThereIsRoom) {
  cache_.reset();
  ASSERT_TRUE(remove_tree(disk() + "/cache"));
  ASSERT_EQ(::mkdir((disk() + "/cache").c_str(), 0700), 0);
  fill_up();
  restart();
  EXPECT_FALSE(put(1));
  EXPECT_FALSE(has(1));
  ASSERT_EQ(::unlink((disk() + "/ballast").c_str()), 0);
  EXPECT_TRUE(eventually([&] { return put(1).has_value(); }));
  EXPECT_TRUE(has(1));
}

TEST_F(DiskCacheOnAFullDisk, OnAReadOnlyDiskHitsGoOn) {
  ASSERT_TRUE(put(1));
  ASSERT_TRUE(put(2));
  cache_.reset();
  ASSERT_EQ(::mount(nullptr, disk().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  restart();
  EXPECT_TRUE(has(1));
  EXPECT_TRUE(has(2));
  EXPECT_FALSE(put(3));
  EXPECT_FALSE(put(4));
  EXPECT_EQ(lines("warn cache degraded"), 1u);
  ASSERT_EQ(::mount(nullptr, disk().c_str(), nullptr, MS_REMOUNT, nullptr), 0);
  EXPECT_TRUE(put(3));
  EXPECT_TRUE(has(3));
}

}  // namespace
}  // namespace granary
