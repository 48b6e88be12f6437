#include "fs/client/mount_table.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "fs/base/file.h"

namespace granary {
namespace {

TEST(MountTable, ReadsWhatTheKernelWrites) {
  const auto table = parse_mount_table(
      "21 28 0:19 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
      "99 28 0:57 / /mnt/with\\040space ro,nosuid,nodev - fuse.granary https://sw.example.org/a rw,user_id=1000\n"
      "nonsense\n");
  ASSERT_EQ(table.size(), 2U);
  EXPECT_FALSE(table[0].is_granary());
  EXPECT_TRUE(table[1].is_granary());
  EXPECT_EQ(table[1].path, "/mnt/with space");
  EXPECT_EQ(table[1].source, "https://sw.example.org/a");
  EXPECT_EQ(table[1].device, makedev(0, 57));
  EXPECT_EQ(table[1].super_options, "rw,user_id=1000");
}

TEST(MountTable, FindsTheMountOfProc) {
  const auto mount = mounted_at("/proc");
  ASSERT_TRUE(mount && *mount);
  EXPECT_EQ((*mount)->type, "proc");
}

TEST(MountTable, APathLosesItsDotsSlashesAndLinks) {
  const auto directory = *TemporaryDirectory::make();
  ASSERT_TRUE(make_directories(directory.path() + "/a/b"));
  ASSERT_EQ(::symlink("a", (directory.path() + "/link").c_str()), 0);
  const std::string top = *mount_path(directory.path());
  EXPECT_EQ(*mount_path(directory.path() + "/link/b/"), top + "/a/b");
  EXPECT_EQ(*mount_path(directory.path() + "/a/../a/b"), top + "/a/b");
  EXPECT_EQ(*mount_path("/"), "/");
  EXPECT_EQ(mount_path(directory.path() + "/no/such").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace granary
