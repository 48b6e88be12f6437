#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "builder/tree/differences.h"
#include "builder/tree/install.h"
#include "fs/base/file.h"

namespace granary {
namespace {

constexpr UnixSeconds kEpoch = 1'700'000'000;

class FinishTreeTest : public testing::Test {
 protected:
  void put(const std::string& path, const Bytes& content) {
    ASSERT_TRUE(make_directories(std::filesystem::path(at(path)).parent_path().string()));
    ASSERT_TRUE(replace_file(at(path), content, 0644, Durability::kFast));
  }
  std::string at(const std::string& path) const { return directory_->path() + "/" + path; }
  timespec mtime(const std::string& path) const {
    struct stat there {};
    EXPECT_EQ(::lstat(at(path).c_str(), &there), 0) << path;
    return there.st_mtim;
  }

  const Result<TemporaryDirectory> directory_ = TemporaryDirectory::make();
};

TEST_F(FinishTreeTest, SecretsGoAndIdentitiesAreEmptied) {
  for (const char* const path :
       {"etc/ssh/ssh_host_rsa_key", "etc/ssh/ssh_host_rsa_key.pub", "etc/machine-id", "var/lib/dbus/machine-id",
        "var/lib/systemd/random-seed", "var/log/dpkg.log", "etc/passwd-", "usr/share/fonts/.uuid"})
    put(path, "something");
  put("etc/ssh/sshd_config", "stays");
  put("var/log/app.log", "said");
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  EXPECT_FALSE(exists(at("etc/ssh/ssh_host_rsa_key")));
  EXPECT_FALSE(exists(at("etc/ssh/ssh_host_rsa_key.pub")));
  EXPECT_FALSE(exists(at("var/lib/dbus/machine-id")));
  EXPECT_FALSE(exists(at("var/lib/systemd/random-seed")));
  EXPECT_FALSE(exists(at("var/log/dpkg.log")));
  EXPECT_FALSE(exists(at("etc/passwd-")));
  EXPECT_FALSE(exists(at("usr/share/fonts/.uuid")));
  EXPECT_EQ(*read_file(at("etc/machine-id"), 100), "");
  EXPECT_EQ(*read_file(at("var/log/app.log"), 100), "");
  EXPECT_EQ(*read_file(at("etc/ssh/sshd_config"), 100), "stays");
}

TEST_F(FinishTreeTest, HostKeysAreMadeAtFirstBootWhereTheyWereTakenOut) {
  ASSERT_TRUE(make_directories(at("usr/lib/systemd/system")));
  put("etc/ssh/ssh_host_rsa_key", "secret");
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  EXPECT_TRUE(exists(at("usr/lib/systemd/system/ssh.service.wants/granary-ssh-host-keys.service")));
}

TEST_F(FinishTreeTest, WithoutHostKeysNoUnitComes) {
  ASSERT_TRUE(make_directories(at("usr/lib/systemd/system")));
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  EXPECT_TRUE(std::filesystem::is_empty(at("usr/lib/systemd/system")));
}

TEST_F(FinishTreeTest, WhetherMandbRanTellsNothing) {
  const timespec early[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
  put("var/cache/man/de/index.db", "x");
  ASSERT_EQ(::utimensat(AT_FDCWD, at("var/cache/man").c_str(), early, 0), 0);
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  EXPECT_TRUE(std::filesystem::is_empty(at("var/cache/man")));
  EXPECT_EQ(mtime("var/cache/man").tv_sec, kEpoch);
}

TEST_F(FinishTreeTest, LateTimesAreSetBackAndEarlyOnesStay) {
  put("late", "x");
  put("early", "x");
  put("etc/passwd-", "going changes its directory");
  ASSERT_EQ(::symlink("nowhere", at("link").c_str()), 0);
  const timespec early[2] = {{1'600'000'000, 5}, {1'600'000'000, 5}};
  ASSERT_EQ(::utimensat(AT_FDCWD, at("early").c_str(), early, 0), 0);
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  for (const char* const path : {"late", "etc", "link", ""}) {
    EXPECT_EQ(mtime(path).tv_sec, kEpoch) << path;
    EXPECT_EQ(mtime(path).tv_nsec, 0) << path;
  }
  EXPECT_EQ(mtime("early").tv_sec, 1'600'000'000);
  EXPECT_EQ(mtime("early").tv_nsec, 5);
}

TEST_F(FinishTreeTest, TheMarksOfAnOverlayStay) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for overlay marks";
  ASSERT_TRUE(make_directories(at("etc/ssh")));
  ASSERT_EQ(::mknod(at("etc/ssh/ssh_host_rsa_key").c_str(), S_IFCHR, makedev(0, 0)), 0);
  ASSERT_EQ(::setxattr(at("etc").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  EXPECT_TRUE(exists(at("etc/ssh/ssh_host_rsa_key"))) << "it says that the lower one is deleted";
  char value = 0;
  EXPECT_EQ(::getxattr(at("etc").c_str(), "trusted.overlay.opaque", &value, 1), 1);
}

TEST_F(FinishTreeTest, NothingOutsideIsTouched) {
  const auto outside = TemporaryDirectory::make();
  ASSERT_TRUE(replace_file(outside->path() + "/machine-id", "theirs", 0644, Durability::kFast));
  ASSERT_EQ(::symlink(outside->path().c_str(), at("etc").c_str()), 0);
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  EXPECT_EQ(*read_file(outside->path() + "/machine-id", 100), "theirs");
}

TEST_F(FinishTreeTest, TwiceIsOnce) {
  put("etc/machine-id", "id");
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  const timespec before = mtime("etc/machine-id");
  ASSERT_TRUE(finish_tree(directory_->path(), kEpoch));
  EXPECT_EQ(mtime("etc/machine-id").tv_sec, before.tv_sec);
}

TEST(KnownDifferences, AreAllInTheDocument) {
  std::ifstream file(std::string(GRANARY_SOURCE_DIR) + "/docs/cooking-differences.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const KnownDifference& one : known_differences()) {
    const std::string row =
        str("| `", one.pattern, "` | ", one.cure == KnownDifference::Cure::kRemove ? "taken out" : "emptied", " | ",
            one.why, " |");
    EXPECT_NE(text.str().find(row), std::string::npos) << "docs/cooking-differences.md lacks: " << row;
  }
}

}  // namespace
}  // namespace granary
