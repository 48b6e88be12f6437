// Partition tables: MBR read and written (of our own boot disk alone), GPT read. Foreign bytes: a table that
// contradicts itself is no table. Sectors are of 512 bytes: disks with larger ones are left alone.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

inline constexpr uint64_t kSectorBytes = 512;

struct Partition {
  uint32_t number = 0;  // as the kernel counts: from 1
  uint64_t start_sector = 0, sectors = 0;
  std::string type;  // of MBR "83", of GPT a GUID in capitals
  bool operator==(const Partition&) const = default;
};

struct PartitionTable {
  enum class Kind { kMbr, kGpt } kind = Kind::kMbr;
  uint32_t disk_signature = 0;  // of MBR
  std::vector<Partition> partitions;
};

// `head` is the beginning of a disk of `disk_sectors`; kPartitionHeadBytes tell all. Nothing: no partition table.
//   kCorrupt  one that overlaps itself, or reaches beyond the disk
inline constexpr size_t kPartitionHeadBytes = 34 * kSectorBytes;
Result<std::optional<PartitionTable>> parse_partition_table(ByteView head, uint64_t disk_sectors);

// The free room behind the last partition of an MBR, from the next full MiB to the disk's end.
struct FreeRoom {
  uint32_t number = 0;  // of the partition that could be made there
  uint64_t start_sector = 0, sectors = 0;
};
//   kNotFound     none
//   kUnsupported  a GPT, an extended partition, or four partitions already
Result<FreeRoom> room_behind(const PartitionTable& table, uint64_t disk_sectors);

// The first sector with one more partition (type 83), or with one made larger; everything else in it stays.
Bytes with_partition(ByteView first_sector, const FreeRoom& room);
Bytes with_size(ByteView first_sector, uint32_t number, uint64_t sectors);

// Types that may hold a Linux file system: an empty partition of another type waits for something else.
bool is_for_linux(const Partition& partition);

}  // namespace granary
