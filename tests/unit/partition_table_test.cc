#include "initramfs/scratch/partition_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace granary {
namespace {

using testing::HasSubstr;
constexpr uint64_t kDisk = 1 << 21;  // sectors: 1 GiB

Bytes empty_mbr() {
  Bytes head(kPartitionHeadBytes, '\0');
  head.replace(510, 2, "\x55\xaa");
  return head;
}

Bytes with(Bytes head, uint32_t number, uint64_t start, uint64_t sectors, char type = '\x83') {
  head.replace(0, kSectorBytes, with_partition(ByteView(head).substr(0, kSectorBytes), {number, start, sectors}));
  head[446 + (number - 1) * 16 + 4] = type;
  return head;
}

TEST(PartitionTable, IsReadAsItWasWritten) {
  const auto table = *parse_partition_table(with(with(empty_mbr(), 1, 2048, 4096, '\x0e'), 3, 8192, 100), kDisk);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->kind, PartitionTable::Kind::kMbr);
  EXPECT_THAT(table->partitions, testing::ElementsAre(Partition{1, 2048, 4096, "0e"}, Partition{3, 8192, 100, "83"}));
  EXPECT_FALSE(is_for_linux(table->partitions[0]));
  EXPECT_TRUE(is_for_linux(table->partitions[1]));
}

TEST(PartitionTable, IsNoneWithoutItsMark) {
  EXPECT_FALSE(*parse_partition_table(Bytes(kPartitionHeadBytes, '\0'), kDisk));
}

TEST(PartitionTable, ThatContradictsItselfIsCorrupt) {
  EXPECT_THAT(parse_partition_table(with(with(empty_mbr(), 1, 2048, 4096), 2, 4096, 100), kDisk).error().message,
              HasSubstr("overlaps"));
  EXPECT_THAT(parse_partition_table(with(empty_mbr(), 1, 2048, kDisk), kDisk).error().message, HasSubstr("beyond"));
}

TEST(PartitionTable, TheRoomBehindBeginsAtAWholeMiB) {
  const auto table = *parse_partition_table(with(empty_mbr(), 1, 2048, 1000), kDisk + 7);
  const FreeRoom room = *room_behind(*table, kDisk + 7);
  EXPECT_EQ(room.number, 2u);
  EXPECT_EQ(room.start_sector, 4096u);
  EXPECT_EQ(room.start_sector + room.sectors, kDisk);
}

TEST(PartitionTable, ThereIsNoRoomBehindFourPartitionsExtendedOnesOrAFullDisk) {
  Bytes four = empty_mbr();
  for (uint32_t i = 1; i <= 4; ++i) four = with(four, i, 2048 * i, 2048);
  EXPECT_EQ(room_behind(**parse_partition_table(four, kDisk), kDisk).error().code, Code::kUnsupported);
  const Bytes extended = with(empty_mbr(), 1, 2048, 2048, '\x0f');
  EXPECT_EQ(room_behind(**parse_partition_table(extended, kDisk), kDisk).error().code, Code::kUnsupported);
  const Bytes full = with(empty_mbr(), 1, 2048, kDisk - 2048);
  EXPECT_EQ(room_behind(**parse_partition_table(full, kDisk), kDisk).error().code, Code::kNotFound);
}

TEST(PartitionTable, AddingOnePartitionChangesNothingElseOfTheSector) {
  Bytes head = with(empty_mbr(), 1, 2048, 4096, '\x0e');
  head.replace(0, 5, "\xeb\x58\x90xy");
  const Bytes sector = head.substr(0, kSectorBytes);
  Bytes added = with_partition(sector, {2, 8192, 4096});
  added.replace(446 + 16, 16, Bytes(16, '\0'));
  EXPECT_TRUE(added == sector);
}

TEST(PartitionTable, GrowingOneChangesItsSizeAlone) {
  const Bytes head = with(with(empty_mbr(), 1, 2048, 4096), 2, 8192, 4096);
  Bytes grown = head;
  grown.replace(0, kSectorBytes, with_size(ByteView(head).substr(0, kSectorBytes), 2, 70000));
  EXPECT_EQ((*parse_partition_table(grown, kDisk))->partitions[1], (Partition{2, 8192, 70000, "83"}));
  EXPECT_EQ((*parse_partition_table(grown, kDisk))->partitions[0], (Partition{1, 2048, 4096, "83"}));
}

TEST(PartitionTable, OfAGptIsReadAndNeverAddedTo) {
  Bytes head = with(empty_mbr(), 1, 1, kDisk - 1, '\xee');
  head.replace(512, 8, "EFI PART");
  head[512 + 72] = 2;       // the entries' first sector
  head[512 + 80] = '\x80';  // 128 of them
  head[512 + 84] = '\x80';  // of 128 bytes
  const Bytes linux_type("\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4", 16);
  head.replace(1024, 16, linux_type);
  head[1024 + 33] = 8;   // from sector 2048
  head[1024 + 41] = 16;  // to 4096
  const auto table = *parse_partition_table(head, kDisk);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->kind, PartitionTable::Kind::kGpt);
  ASSERT_EQ(table->partitions.size(), 1u);
  EXPECT_EQ(table->partitions[0].start_sector, 2048u);
  EXPECT_EQ(table->partitions[0].sectors, 2049u);
  EXPECT_TRUE(is_for_linux(table->partitions[0]));
  EXPECT_EQ(room_behind(*table, kDisk).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace granary
