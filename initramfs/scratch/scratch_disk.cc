#include "initramfs/scratch/scratch_disk.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "initramfs/paths.h"
#include "initramfs/scratch/file_system.h"

namespace granary {

namespace {
constexpr std::chrono::minutes kMakePatience{5}, kCheckPatience{30};
constexpr uint64_t kWorthGrowingBytes = 8 << 20, kLittleRoomBytes = 16 << 20;

Result<ProgramEnd> run_tool(std::vector<std::string> words, std::chrono::milliseconds patience) {
  Program program;
  program.words = std::move(words);
  program.output = program.errors = Program::Stream::kCapture;
  program.timeout = patience;
  return run_program(program);
}

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

std::string partition_name(const std::string& disk, uint32_t number) {
  const bool ends_in_digit = disk.back() >= '0' && disk.back() <= '9';
  return str(disk, ends_in_digit ? "p" : "", number);
}

Status tell_kernel(int disk, int operation, uint32_t number, uint64_t start_sector, uint64_t sectors) {
  blkpg_partition partition{};
  partition.start = static_cast<long long>(start_sector) * static_cast<long long>(kSectorBytes);
  partition.length = static_cast<long long>(sectors) * static_cast<long long>(kSectorBytes);
  partition.pno = static_cast<int>(number);
  blkpg_ioctl_arg argument{};
  argument.op = operation;
  argument.datalen = sizeof partition;
  argument.data = &partition;
  if (::ioctl(disk, BLKPG, &argument) != 0) return system_error(errno, "the kernel does not take the partition");
  return Done{};
}

Status write_first_sector(int disk, const Bytes& sector) {
  TRY(write_all_at(disk, 0, sector));
  return ::fsync(disk) == 0 ? Status(Done{}) : system_error(errno, "cannot write the partition table");
}

bool appears(const std::string& path) {
  for (int poll = 0; poll < 50; ++poll) {
    if (exists(path)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

// On an MBR disk, when it is the last partition: up to the end of the disk.
Result<std::string> grow_partition(const BlockDevice& device) {
  const std::string path = "/dev/" + device.disk;
  const UniqueFd disk = TRY(open_file(path, O_RDWR | O_CLOEXEC));
  const off_t size = ::lseek(disk.get(), 0, SEEK_END);
  const Bytes head = TRY(read_at(disk.get(), 0, kPartitionHeadBytes));
  const auto table = TRY(parse_partition_table(head, static_cast<uint64_t>(size) / kSectorBytes));
  if (!table || table->kind != PartitionTable::Kind::kMbr) return std::string();
  const auto room = room_behind(*table, static_cast<uint64_t>(size) / kSectorBytes);
  const uint64_t start = device.start_bytes / kSectorBytes, end = start + device.size_bytes / kSectorBytes;
  const bool last = std::all_of(table->partitions.begin(), table->partitions.end(),
                                [&](const Partition& p) { return p.start_sector <= start; });
  if (!room || !last || (room->start_sector + room->sectors) * kSectorBytes < end * kSectorBytes + kWorthGrowingBytes)
    return std::string();
  const uint64_t sectors = room->start_sector + room->sectors - start;
  TRY(write_first_sector(disk.get(), with_size(ByteView(head).substr(0, kSectorBytes), device.partition, sectors)));
  TRY(tell_kernel(disk.get(), BLKPG_RESIZE_PARTITION, device.partition, start, sectors));
  return str("its partition to ", sectors * kSectorBytes >> 20, " MB");
}

struct Room {
  uint64_t free_bytes = 0, size_bytes = 0, free_files = 0;
};
Room room_in(const std::string& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return {};
  return {uint64_t{status.f_bavail} * status.f_frsize, uint64_t{status.f_blocks} * status.f_frsize, status.f_favail};
}

void make_reserve(const std::string& path, const Room& room) {
  if (exists(path) || room.free_bytes < 8 * kReserveBytes) return;
  const auto file = open_file(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file) (void)::posix_fallocate(file->get(), 0, kReserveBytes);
}
}  // namespace

Status make_scratch_file_system(const std::string& device) {
  // More inodes than usual: an OS's changes are many small files.
  const ProgramEnd end = TRY(run_tool({"/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-L", paths::kScratchLabel, "-m", "0",
                                       "-i", "8192", "-E", "lazy_itable_init=1,lazy_journal_init=1", device},
                                      kMakePatience));
  if (!end.ok())
    return Error{Code::kInternal, str("cannot make a file system on ", device, ": ", last_line(end.errors))};
  return Done{};
}

Result<BlockDevice> make_partition(const BlockDevice& disk, const FreeRoom& room) {
  const UniqueFd fd = TRY(open_file(disk.path, O_RDWR | O_CLOEXEC));
  const Bytes head = TRY(read_at(fd.get(), 0, kPartitionHeadBytes));
  const auto table = TRY(parse_partition_table(head, disk.size_bytes / kSectorBytes));
  const auto still = table ? room_behind(*table, disk.size_bytes / kSectorBytes)
                           : Result<FreeRoom>(Error{Code::kNotFound, "no partition table"});
  if (!still || still->number != room.number || still->start_sector != room.start_sector)
    return Error{Code::kConflict, "the partition table of " + disk.path + " has changed: it is left alone"};
  TRY(write_first_sector(fd.get(), with_partition(ByteView(head).substr(0, kSectorBytes), room)));
  TRY(tell_kernel(fd.get(), BLKPG_ADD_PARTITION, room.number, room.start_sector, room.sectors));
  BlockDevice made;
  made.name = partition_name(disk.name, room.number);
  made.path = "/dev/" + made.name;
  made.disk = disk.name;
  made.partition = room.number;
  made.start_bytes = room.start_sector * kSectorBytes;
  made.size_bytes = room.sectors * kSectorBytes;
  if (!appears(made.path)) return Error{Code::kUnavailable, made.path + " does not appear"};
  return made;
}

Result<std::string> check_scratch_file_system(const std::string& device, bool everything) {
  // e2fsck(8): 1 and 2 are repaired, 4 is left damaged, more is no check at all.
  constexpr int kRepaired = 3, kDamaged = 4;
  const ProgramEnd end = TRY(run_tool({"/sbin/e2fsck", everything ? "-fy" : "-p", device}, kCheckPatience));
  if (end.status == 0) return std::string();
  if ((end.status & ~kRepaired) == 0) return str(device, " was damaged, and is repaired: ", last_line(end.output));
  if ((end.status & kDamaged) != 0)
    return Error{Code::kCorrupt, str(device,
                                     " is damaged, and repairing it may lose files: say granary.repair on the "
                                     "kernel command line to have it done (e2fsck -y): ",
                                     last_line(end.output + end.errors))};
  return Error{Code::kInternal, str("cannot check ", device, ": ", last_line(end.output + end.errors))};
}

Result<std::string> grow_scratch(const BlockDevice& device, const std::string& mount_point) {
  std::string grown;
  if (!device.is_disk()) grown = TRY(grow_partition(device));
  const UniqueFd fd = TRY(open_file(device.path, O_RDONLY | O_CLOEXEC));
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  const FileSystemFound found = TRY(file_system_on(device.path));
  if (found.size_bytes + kWorthGrowingBytes > static_cast<uint64_t>(size)) return grown;
  const ProgramEnd end = TRY(run_tool({"/sbin/resize2fs", device.path}, kCheckPatience));
  if (!end.ok()) return Error{Code::kInternal, str("cannot grow ", device.path, ": ", last_line(end.errors))};
  return str(grown, grown.empty() ? "" : ", ", "its file system to ", room_in(mount_point).size_bytes >> 20, " MB");
}

std::string keep_some_room(const std::string& scratch) {
  const std::string reserve = scratch + "/reserve";
  const auto is_full = [&] {
    const Room room = room_in(scratch);
    return room.free_bytes < kLittleRoomBytes || room.free_files < 256;
  };
  std::string told;
  if (is_full() && exists(reserve)) {
    (void)remove_tree(reserve);
    told = "the disk was full: its reserve was given up";
  }
  if (is_full() && exists(scratch + "/cache")) {
    (void)remove_tree(scratch + "/cache");
    told += told.empty() ? "the disk was full: the cache was cleared" : ", and the cache was cleared";
  }
  if (is_full())
    return told + (told.empty() ? "" : "; ") + "the disk is full: remove files in the OS, or make it larger";
  make_reserve(reserve, room_in(scratch));
  return told;
}

}  // namespace granary
