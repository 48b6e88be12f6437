#include "initramfs/scratch/scratch_choice.h"

#include <fcntl.h>

#include <algorithm>

#include "fs/base/file.h"
#include "initramfs/paths.h"
#include "initramfs/scratch/emptiness.h"
#include "initramfs/scratch/file_system.h"

namespace granary {

namespace {
using What = ScratchChoice::What;

bool may_be_written(const BlockDevice& device) { return !device.read_only && !device.removable && !device.in_use; }

bool has_label(const BlockDevice& device, const std::string& label) {
  if (device.read_only || device.in_use) return false;
  const auto found = file_system_on(device.path);
  return found && found->type == "ext4" && found->label == label;
}

std::string wanted_label(const Settings& settings) {
  return settings.scratch.starts_with("LABEL=") ? settings.scratch.substr(6) : paths::kScratchLabel;
}

Result<std::optional<PartitionTable>> table_of(const BlockDevice& disk) {
  const UniqueFd fd = TRY(open_file(disk.path, O_RDONLY | O_CLOEXEC));
  const Bytes head = TRY(read_at(fd.get(), 0, kPartitionHeadBytes));
  return parse_partition_table(head, disk.size_bytes / kSectorBytes);
}

bool is_all_zeros(const BlockDevice& device, uint64_t start, uint64_t size) {
  const auto fd = open_file(device.path, O_RDONLY | O_CLOEXEC);
  const auto empty = fd ? is_empty(fd->get(), start, size) : Result<bool>(fd.error());
  return empty && *empty;
}

// What keeps a device from being scratch; empty: nothing, as far as can be seen without looking into it.
std::string objection(const BlockDevice& device) {
  if (device.read_only) return "read-only";
  if (device.removable) return "removable";
  if (device.in_use) return "in use";
  return device.size_bytes < kMinScratchBytes ? "too small" : "";
}

std::string contents_of(const BlockDevice& device) {
  const auto found = file_system_on(device.path);
  if (!found) return "cannot be read";
  return found->type.empty() ? "holds something unknown" : "holds " + found->type;
}

class Chooser {
 public:
  Chooser(const Settings& settings, const std::vector<BlockDevice>& devices, const IsBootDisk& is_boot_disk)
      : settings_(settings), devices_(devices), is_boot_disk_(is_boot_disk) {}

  ScratchChoice choose() {
    if (settings_.scratch == "none") return {What::kMemory, {}, {}, ""};
    if (auto existing = find_existing_scratch(settings_, devices_)) return *existing;
    if (settings_.scratch.starts_with("/dev/")) return named(settings_.scratch);
    if (settings_.scratch != "auto") return memory(str("there is no file system ", settings_.scratch));
    if (auto disk = empty_disk()) return *disk;
    if (auto partition = empty_partition()) return *partition;
    if (auto room = room_on_boot_disk()) return *room;
    return memory(passed_over_.empty() ? "this machine has no disk" : "no disk fits: " + passed_over_);
  }

 private:
  static ScratchChoice memory(const std::string& why) { return {What::kMemory, {}, {}, why}; }

  void pass_over(const BlockDevice& device, const std::string& why) {
    passed_over_ += (passed_over_.empty() ? "" : ", ") + device.path + " " + why;
  }

  bool has_partitions(const BlockDevice& disk) const {
    return std::any_of(devices_.begin(), devices_.end(), [&](const BlockDevice& d) { return d.disk == disk.name; });
  }

  ScratchChoice named(const std::string& path) const {
    const auto device =
        std::find_if(devices_.begin(), devices_.end(), [&](const BlockDevice& d) { return d.path == path; });
    if (device == devices_.end()) return memory(path + " is not there");
    if (!objection(*device).empty()) return memory(path + " is " + objection(*device));
    if (has_partitions(*device)) return memory(path + " has partitions: it is left alone");
    if (!is_all_zeros(*device, 0, device->size_bytes))
      return memory(
          str(path, " ", contents_of(*device), ": it is left alone. Make it empty (zeros) if it may be taken"));
    return {What::kFormat, *device, {}, "named, and empty"};
  }

  std::optional<ScratchChoice> empty_disk() {
    for (const BlockDevice& disk : devices_) {
      if (!disk.is_disk()) continue;
      if (const std::string why = objection(disk); !why.empty()) {
        pass_over(disk, "is " + why);
        continue;
      }
      if (has_partitions(disk)) continue;  // looked at below
      if (is_all_zeros(disk, 0, disk.size_bytes)) return ScratchChoice{What::kFormat, disk, {}, "an empty disk"};
      pass_over(disk, contents_of(disk));
    }
    return std::nullopt;
  }

  std::optional<ScratchChoice> empty_partition() {
    for (const BlockDevice& disk : devices_) {
      if (!disk.is_disk() || !has_partitions(disk) || !may_be_written(disk)) continue;
      const auto table = table_of(disk);
      if (!table || !*table) continue;
      for (const BlockDevice& device : devices_) {
        if (device.disk == disk.name && is_empty_partition(device, **table))
          return ScratchChoice{What::kFormat, device, {}, "an empty partition"};
      }
    }
    return std::nullopt;
  }

  bool is_empty_partition(const BlockDevice& device, const PartitionTable& table) {
    const auto entry = std::find_if(table.partitions.begin(), table.partitions.end(),
                                    [&](const Partition& p) { return p.number == device.partition; });
    // The kernel's idea of it and ours must be the same.
    const bool known = entry != table.partitions.end() && entry->start_sector * kSectorBytes == device.start_bytes &&
                       entry->sectors * kSectorBytes == device.size_bytes;
    if (known && is_for_linux(*entry) && objection(device).empty() && is_all_zeros(device, 0, device.size_bytes))
      return true;
    pass_over(device, contents_of(device));
    return false;
  }

  std::optional<ScratchChoice> room_on_boot_disk() {
    for (const BlockDevice& disk : devices_) {
      if (!disk.is_disk() || !may_be_written(disk)) continue;
      const auto first = std::find_if(devices_.begin(), devices_.end(),
                                      [&](const BlockDevice& d) { return d.disk == disk.name && d.partition == 1; });
      if (first == devices_.end() || !is_boot_disk_(disk, *first)) continue;
      const auto room = room_on(disk);
      if (room) return ScratchChoice{What::kPartition, disk, *room, "free room on the boot disk"};
      pass_over(disk, "is the boot disk, but: " + room.error().message);
    }
    return std::nullopt;
  }

  Result<FreeRoom> room_on(const BlockDevice& disk) const {
    const auto table = TRY(table_of(disk));
    if (!table) return Error{Code::kNotFound, "it has no partition table"};
    FreeRoom room = TRY(room_behind(*table, disk.size_bytes / kSectorBytes));
    if (settings_.scratch_size_bytes > 0)
      room.sectors = std::min(room.sectors, settings_.scratch_size_bytes / (1 << 20) * ((1 << 20) / kSectorBytes));
    if (room.sectors * kSectorBytes < kMinScratchBytes)
      return Error{Code::kNotFound, str("it has only ", room.sectors * kSectorBytes >> 20, " MB left (needs ",
                                        kMinScratchBytes >> 20, "): make the disk larger")};
    if (!is_all_zeros(disk, room.start_sector * kSectorBytes, room.sectors * kSectorBytes))
      return Error{Code::kConflict, "something lies behind its partitions: it is left alone"};
    return room;
  }

  const Settings& settings_;
  const std::vector<BlockDevice>& devices_;
  const IsBootDisk& is_boot_disk_;
  std::string passed_over_;
};
}  // namespace

std::optional<ScratchChoice> find_existing_scratch(const Settings& settings, const std::vector<BlockDevice>& devices) {
  if (settings.scratch == "none") return std::nullopt;
  const std::string label = wanted_label(settings);
  for (const BlockDevice& device : devices) {
    const bool asked = !settings.scratch.starts_with("/dev/") || settings.scratch == device.path;
    if (asked && has_label(device, label)) return ScratchChoice{What::kUse, device, {}, "LABEL=" + label};
  }
  return std::nullopt;
}

ScratchChoice choose_scratch(const Settings& settings, const std::vector<BlockDevice>& devices,
                             const IsBootDisk& is_boot_disk) {
  return Chooser(settings, devices, is_boot_disk).choose();
}

}  // namespace granary
