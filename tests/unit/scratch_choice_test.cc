#include "initramfs/scratch/scratch_choice.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "initramfs/scratch/emptiness.h"
#include "initramfs/scratch/file_system.h"
#include "initramfs/scratch/scratch_disk.h"

namespace granary {
namespace {

using testing::HasSubstr;
using What = ScratchChoice::What;
constexpr uint64_t kMiB = 1 << 20;

// Disks that are files: sparse, so that large ones cost nothing.
class ScratchChoiceTest : public testing::Test {
 protected:
  BlockDevice& add_disk(const std::string& name, uint64_t size_bytes) {
    BlockDevice disk;
    disk.name = name;
    disk.path = directory_.path() + "/" + name;
    disk.size_bytes = size_bytes;
    const UniqueFd fd = *open_file(disk.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size_bytes)), 0);
    devices_.push_back(disk);
    return devices_.back();
  }

  void write(const std::string& name, uint64_t offset, const Bytes& bytes) {
    const UniqueFd fd = *open_file(directory_.path() + "/" + name, O_RDWR | O_CLOEXEC);
    ASSERT_TRUE(write_all_at(fd.get(), static_cast<off_t>(offset), bytes));
  }

  // In the table of `disk`, and as the kernel would show it: a file of its own.
  void add_partition(const std::string& disk, uint32_t number, uint64_t start_bytes, uint64_t size_bytes,
                     const std::string& type = "\x83") {
    const FreeRoom room{number, start_bytes / kSectorBytes, size_bytes / kSectorBytes};
    const UniqueFd fd = *open_file(directory_.path() + "/" + disk, O_RDWR | O_CLOEXEC);
    Bytes sector = with_partition(*read_at(fd.get(), 0, kSectorBytes), room);
    sector[446 + (number - 1) * 16 + 4] = type[0];
    sector.replace(510, 2, "\x55\xaa");
    ASSERT_TRUE(write_all_at(fd.get(), 0, sector));
    BlockDevice& device = add_disk(disk + std::to_string(number), size_bytes);
    device.disk = disk;
    device.partition = number;
    device.start_bytes = start_bytes;
  }

  void make_ext4(const std::string& name, const std::string& label) {
    Program program;
    program.words = {"/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-L", label, directory_.path() + "/" + name};
    program.errors = Program::Stream::kDiscard;
    ASSERT_TRUE(run_program_well(program));
  }

  ScratchChoice choose() { return choose_scratch(settings_, devices_, is_boot_disk_); }

  TemporaryDirectory directory_ = *TemporaryDirectory::make();
  std::vector<BlockDevice> devices_;
  Settings settings_;
  IsBootDisk is_boot_disk_ = [](const BlockDevice&, const BlockDevice&) { return false; };
};

TEST_F(ScratchChoiceTest, OurLabelIsTakenBeforeAnythingThatIsEmpty) {
  add_disk("vda", 256 * kMiB);
  add_disk("vdb", 256 * kMiB);
  make_ext4("vdb", "granary-scratch");
  EXPECT_EQ(choose().what, What::kUse);
  EXPECT_EQ(choose().device.name, "vdb");
}

TEST_F(ScratchChoiceTest, AnEmptyDiskIsTakenBeforeAnEmptyPartition) {
  add_disk("vda", 512 * kMiB);
  add_partition("vda", 1, kMiB, 256 * kMiB);
  add_disk("vdb", 256 * kMiB);
  EXPECT_EQ(choose().what, What::kFormat);
  EXPECT_EQ(choose().device.name, "vdb");
}

TEST_F(ScratchChoiceTest, AnEmptyPartitionForLinuxIsTaken) {
  add_disk("vda", 512 * kMiB);
  add_partition("vda", 1, kMiB, 100 * kMiB, "\x07");
  add_partition("vda", 2, 128 * kMiB, 256 * kMiB);
  EXPECT_EQ(choose().what, What::kFormat);
  EXPECT_EQ(choose().device.name, "vda2");
}

TEST_F(ScratchChoiceTest, ADiskWithASingleByteSomewhereAtItsEdgesIsLeftAlone) {
  for (const uint64_t offset : {uint64_t{0}, 3 * kMiB, 256 * kMiB - 1, 253 * kMiB}) {
    devices_.clear();
    add_disk("vda" + std::to_string(offset), 256 * kMiB);
    write(devices_[0].name, offset, "x");
    EXPECT_EQ(choose().what, What::kMemory) << offset;
    EXPECT_THAT(choose().why, HasSubstr("something unknown")) << offset;
  }
}

TEST_F(ScratchChoiceTest, ADiskThatHoldsAFileSystemIsLeftAloneAndNamed) {
  add_disk("vda", 256 * kMiB);
  make_ext4("vda", "data");
  add_disk("vdb", 256 * kMiB);
  write("vdb", 0, "XFSB");
  EXPECT_EQ(choose().what, What::kMemory);
  EXPECT_THAT(choose().why, HasSubstr("holds ext4"));
  EXPECT_THAT(choose().why, HasSubstr("holds xfs"));
}

TEST_F(ScratchChoiceTest, ReadOnlyRemovableSmallAndHeldDisksAreLeftAlone) {
  add_disk("vda", 256 * kMiB).read_only = true;
  add_disk("vdb", 256 * kMiB).removable = true;
  add_disk("vdc", 16 * kMiB);
  add_disk("vdd", 256 * kMiB).in_use = true;
  EXPECT_EQ(choose().what, What::kMemory);
  for (const char* why : {"read-only", "removable", "too small", "in use"}) EXPECT_THAT(choose().why, HasSubstr(why));
}

TEST_F(ScratchChoiceTest, FreeRoomIsTakenOnTheBootDiskAlone) {
  add_disk("vda", 1024 * kMiB);
  add_partition("vda", 1, kMiB, 20 * kMiB, "\x0e");
  write("vda1", 0, "not empty");
  EXPECT_EQ(choose().what, What::kMemory);

  is_boot_disk_ = [](const BlockDevice& disk, const BlockDevice& first) {
    return disk.name == "vda" && first.name == "vda1";
  };
  const ScratchChoice choice = choose();
  EXPECT_EQ(choice.what, What::kPartition);
  EXPECT_EQ(choice.device.name, "vda");
  EXPECT_EQ(choice.room.number, 2u);
  EXPECT_EQ(choice.room.start_sector * kSectorBytes, 21 * kMiB);
  EXPECT_EQ((choice.room.start_sector + choice.room.sectors) * kSectorBytes, 1024 * kMiB);
}

TEST_F(ScratchChoiceTest, TheSettingsLimitAPartitionOnTheBootDisk) {
  add_disk("vda", 1024 * kMiB);
  add_partition("vda", 1, kMiB, 20 * kMiB, "\x0e");
  write("vda1", 0, "not empty");
  is_boot_disk_ = [](const BlockDevice&, const BlockDevice&) { return true; };
  settings_.scratch_size_bytes = 100 * kMiB;
  EXPECT_EQ(choose().room.sectors * kSectorBytes, 100 * kMiB);
}

TEST_F(ScratchChoiceTest, WhatLiesBehindTheBootDisksPartitionsIsLeftAlone) {
  add_disk("vda", 1024 * kMiB);
  add_partition("vda", 1, kMiB, 20 * kMiB, "\x0e");
  write("vda1", 0, "not empty");
  write("vda", 22 * kMiB, "somebody's");
  is_boot_disk_ = [](const BlockDevice&, const BlockDevice&) { return true; };
  EXPECT_EQ(choose().what, What::kMemory);
  EXPECT_THAT(choose().why, HasSubstr("something lies behind"));
}

TEST_F(ScratchChoiceTest, WithoutADiskThereIsMemory) {
  EXPECT_EQ(choose().what, What::kMemory);
  EXPECT_THAT(choose().why, HasSubstr("no disk"));
}

TEST_F(ScratchChoiceTest, MemoryCanBeAskedForAndThenNoDiskIsTouched) {
  add_disk("vda", 256 * kMiB);
  make_ext4("vda", "granary-scratch");
  settings_.scratch = "none";
  EXPECT_EQ(choose().what, What::kMemory);
  EXPECT_FALSE(find_existing_scratch(settings_, devices_));
}

TEST_F(ScratchChoiceTest, ANamedDeviceIsTakenOnlyIfItIsEmptyOrOurs) {
  add_disk("vda", 256 * kMiB);
  add_disk("vdb", 256 * kMiB);
  const std::string device = "/dev/vdb";
  settings_.scratch = device;
  // What the settings name is a device; here its path is that of the file.
  devices_[1].path = directory_.path() + "/vdb";
  EXPECT_EQ(choose().what, What::kMemory);  // not there under that name
  settings_.scratch = "LABEL=mine";
  EXPECT_EQ(choose().what, What::kMemory);
  make_ext4("vdb", "mine");
  EXPECT_EQ(choose().what, What::kUse);
  EXPECT_EQ(choose().device.name, "vdb");
}

TEST_F(ScratchChoiceTest, APartitionTableThatContradictsTheKernelIsNotActedUpon) {
  add_disk("vda", 512 * kMiB);
  add_partition("vda", 1, kMiB, 256 * kMiB);
  devices_[1].start_bytes += kMiB;
  EXPECT_EQ(choose().what, What::kMemory);
}

TEST_F(ScratchChoiceTest, NothingIsWrittenByChoosing) {
  add_disk("vda", 80 * kMiB);
  add_partition("vda", 1, kMiB, 64 * kMiB);
  const Bytes before = *read_file(directory_.path() + "/vda", 80 * kMiB);
  ASSERT_EQ(choose().what, What::kFormat);
  EXPECT_TRUE(*read_file(directory_.path() + "/vda", 80 * kMiB) == before);
}

TEST_F(ScratchChoiceTest, WhatWeFormatIsFoundAtTheNextStart) {
  add_disk("vda", 128 * kMiB);
  ASSERT_EQ(choose().what, What::kFormat);
  if (!exists("/sbin/mke2fs")) GTEST_SKIP() << "needs /sbin/mke2fs";
  ASSERT_TRUE(make_scratch_file_system(devices_[0].path));
  const auto found = find_existing_scratch(settings_, devices_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->device.name, "vda");
  EXPECT_EQ(file_system_on(devices_[0].path)->size_bytes, 128 * kMiB);
  EXPECT_EQ(*check_scratch_file_system(devices_[0].path, false), "");
}

TEST_F(ScratchChoiceTest, ADamagedFileSystemIsRepairedOnlyAsFarAsNobodyNeedsToBeAsked) {
  if (!exists("/sbin/mke2fs")) GTEST_SKIP() << "needs /sbin/mke2fs";
  add_disk("vda", 128 * kMiB);
  ASSERT_TRUE(make_scratch_file_system(devices_[0].path));
  write("vda", 2048, Bytes(2 * kMiB, '\x5a'));  // group descriptors, bitmaps, inodes
  const auto checked = check_scratch_file_system(devices_[0].path, false);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("granary.repair"));
  EXPECT_TRUE(check_scratch_file_system(devices_[0].path, true));
  EXPECT_EQ(*check_scratch_file_system(devices_[0].path, false), "");
}

TEST(KeepSomeRoom, MakesAReserveWhereThereIsPlenty) {
  const TemporaryDirectory directory = *TemporaryDirectory::make();
  EXPECT_EQ(keep_some_room(directory.path()), "");
  EXPECT_TRUE(exists(directory.path() + "/reserve"));
  EXPECT_EQ(keep_some_room(directory.path()), "");
}

}  // namespace
}  // namespace granary
