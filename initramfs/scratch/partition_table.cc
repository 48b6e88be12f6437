#include "initramfs/scratch/partition_table.h"

#include <algorithm>

namespace granary {

namespace {
constexpr size_t kEntries = 446, kEntryBytes = 16, kMbrPartitions = 4;
constexpr uint64_t kAlignmentSectors = 2048;  // a MiB
constexpr uint64_t kMaxMbrSectors = UINT32_MAX;
constexpr const char* kLinuxMbr = "83";
constexpr const char* kLinuxGpt = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

uint64_t number_at(ByteView bytes, size_t offset, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[offset + i])} << (8 * i);
  return value;
}

bool is_extended(const std::string& type) { return type == "05" || type == "0f" || type == "85"; }

// As people write it: the first three groups are little-endian.
std::string guid_at(ByteView bytes, size_t offset) {
  static constexpr size_t kOrder[]{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  std::string raw;
  for (const size_t i : kOrder) raw += bytes[offset + i];
  std::string hex = to_hex(raw);
  std::transform(hex.begin(), hex.end(), hex.begin(),
                 [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
  for (const size_t dash : {20u, 16u, 12u, 8u}) hex.insert(dash, "-");
  return hex;
}

Status check(const PartitionTable& table, uint64_t disk_sectors) {
  std::vector<Partition> sorted = table.partitions;
  std::sort(sorted.begin(), sorted.end(),
            [](const Partition& a, const Partition& b) { return a.start_sector < b.start_sector; });
  uint64_t end = 0;
  for (const Partition& partition : sorted) {
    if (partition.start_sector < end || partition.start_sector == 0)
      return Error{Code::kCorrupt, str("partition ", partition.number, " overlaps another one")};
    if (partition.start_sector >= disk_sectors || partition.sectors > disk_sectors - partition.start_sector)
      return Error{Code::kCorrupt, str("partition ", partition.number, " reaches beyond the disk's end")};
    end = partition.start_sector + partition.sectors;
  }
  return Done{};
}

PartitionTable parse_mbr(ByteView head) {
  PartitionTable table;
  table.disk_signature = static_cast<uint32_t>(number_at(head, 440, 4));
  for (size_t i = 0; i < kMbrPartitions; ++i) {
    const size_t at = kEntries + i * kEntryBytes;
    const std::string type = to_hex(head.substr(at + 4, 1));
    const uint64_t sectors = number_at(head, at + 12, 4);
    if (type == "00" || sectors == 0) continue;
    table.partitions.push_back({static_cast<uint32_t>(i + 1), number_at(head, at + 8, 4), sectors, type});
  }
  return table;
}

// UEFI specification, "GUID Partition Table": its own checksums are left to the kernel, which has read it as well.
Result<PartitionTable> parse_gpt(ByteView head) {
  const uint64_t count = number_at(head, 512 + 80, 4), size = number_at(head, 512 + 84, 4);
  const uint64_t entries_sector = number_at(head, 512 + 72, 8);
  if (entries_sector != 2 || size < 128 || size > 4096 || count > 4096)
    return Error{Code::kCorrupt, "a GPT of an unusual shape"};
  PartitionTable table;
  table.kind = PartitionTable::Kind::kGpt;
  for (uint64_t i = 0; i < count; ++i) {
    const size_t at = 2 * kSectorBytes + i * size;
    if (at + 128 > head.size()) break;
    const uint64_t first = number_at(head, at + 32, 8), last = number_at(head, at + 40, 8);
    if (head.substr(at, 16).find_first_not_of('\0') == ByteView::npos) continue;
    if (last < first) return Error{Code::kCorrupt, str("partition ", i + 1, " ends before it begins")};
    table.partitions.push_back({static_cast<uint32_t>(i + 1), first, last - first + 1, guid_at(head, at)});
  }
  return table;
}

void put_u32(Bytes& sector, size_t offset, uint64_t value) {
  for (size_t i = 0; i < 4; ++i) sector[offset + i] = static_cast<char>(value >> (8 * i));
}
}  // namespace

Result<std::optional<PartitionTable>> parse_partition_table(ByteView head, uint64_t disk_sectors) {
  if (head.size() < kPartitionHeadBytes || head.substr(510, 2) != "\x55\xaa") return std::optional<PartitionTable>();
  const bool gpt = head.substr(512, 8) == "EFI PART";
  const PartitionTable table = gpt ? TRY(parse_gpt(head)) : parse_mbr(head);
  TRY(check(table, disk_sectors));
  return std::optional(table);
}

Result<FreeRoom> room_behind(const PartitionTable& table, uint64_t disk_sectors) {
  if (table.kind == PartitionTable::Kind::kGpt)
    return Error{Code::kUnsupported, "the disk has a GPT: a partition is only added to an MBR"};
  uint64_t end = 1;
  std::array<bool, kMbrPartitions> used{};
  for (const Partition& partition : table.partitions) {
    if (is_extended(partition.type)) return Error{Code::kUnsupported, "the disk has an extended partition"};
    end = std::max(end, partition.start_sector + partition.sectors);
    used[partition.number - 1] = true;
  }
  const auto slot = std::find(used.begin(), used.end(), false);
  if (slot == used.end()) return Error{Code::kUnsupported, "the disk has four partitions already"};
  const uint64_t start = (end + kAlignmentSectors - 1) / kAlignmentSectors * kAlignmentSectors;
  const uint64_t disk_end = std::min(disk_sectors, kMaxMbrSectors) / kAlignmentSectors * kAlignmentSectors;
  if (start >= disk_end) return Error{Code::kNotFound, "the disk has no free room behind its partitions"};
  return FreeRoom{static_cast<uint32_t>(slot - used.begin()) + 1, start, disk_end - start};
}

Bytes with_partition(ByteView first_sector, const FreeRoom& room) {
  Bytes sector(first_sector);
  const size_t at = kEntries + (room.number - 1) * kEntryBytes;
  // Cylinders, heads and sectors have not been looked at for decades: "beyond what they can say".
  sector.replace(at, 8, std::string_view("\x00\xfe\xff\xff\x83\xfe\xff\xff", 8));
  put_u32(sector, at + 8, room.start_sector);
  put_u32(sector, at + 12, room.sectors);
  return sector;
}

Bytes with_size(ByteView first_sector, uint32_t number, uint64_t sectors) {
  Bytes sector(first_sector);
  put_u32(sector, kEntries + (number - 1) * kEntryBytes + 12, sectors);
  return sector;
}

bool is_for_linux(const Partition& partition) { return partition.type == kLinuxMbr || partition.type == kLinuxGpt; }

}  // namespace granary
