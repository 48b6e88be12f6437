#include "initramfs/scratch/partition_table.h"

#include "fuzz/fuzz.h"

// A table that is believed has partitions on the disk that do not overlap, and its free room is free.
void granary::try_input(ByteView input) {
  constexpr uint64_t kDisk = 1 << 22;
  Bytes head(input.substr(0, kPartitionHeadBytes));
  head.resize(kPartitionHeadBytes);
  const auto table = parse_partition_table(head, kDisk);
  if (!table || !*table) return;
  for (const Partition& partition : (*table)->partitions)
    promise(partition.start_sector > 0 && partition.start_sector + partition.sectors <= kDisk,
            "a partition is on the disk");
  const auto room = room_behind(**table, kDisk);
  if (!room) return;
  for (const Partition& partition : (*table)->partitions)
    promise(partition.start_sector + partition.sectors <= room->start_sector, "the room is free");
  promise(room->start_sector + room->sectors <= kDisk, "the room is on the disk");
  head.replace(0, kSectorBytes, with_partition(ByteView(head).substr(0, kSectorBytes), *room));
  const auto more = parse_partition_table(head, kDisk);
  promise(more && *more && (*more)->partitions.size() == (*table)->partitions.size() + 1, "the room can be taken");
}
