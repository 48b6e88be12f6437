#include "initramfs/scratch/scratch.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <thread>

#include "fs/base/file.h"
#include "initramfs/mounts.h"
#include "initramfs/paths.h"
#include "initramfs/scratch/block_device.h"
#include "initramfs/scratch/file_system.h"
#include "initramfs/scratch/scratch_choice.h"
#include "initramfs/scratch/scratch_disk.h"

namespace granary {

namespace {
using What = ScratchChoice::What;
constexpr uint64_t kMaxQuotaBytes = uint64_t{4} << 30;
constexpr const char* kBootDiskMark = "/granary/boot-loader";
constexpr const char* kLookAt = "/tmp/boot-disk";

void measure(Scratch& scratch) {
  struct statvfs status {};
  if (::statvfs(paths::kScratch, &status) != 0) return;
  scratch.size_bytes = uint64_t{status.f_blocks} * status.f_frsize;
  scratch.free_bytes = uint64_t{status.f_bavail} * status.f_frsize;
}

Result<Scratch> use_memory(const std::string& why) {
  TRY(mount_at({"granary-scratch", paths::kScratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=50%"}));
  Scratch scratch;
  scratch.device = "memory";
  measure(scratch);
  scratch.told = str("memory, ", scratch.size_bytes >> 20, " MB");
  if (!why.empty())
    scratch.warnings.push_back(why +
                               ". Cache and changes are in memory, and gone at the next start; give the machine an "
                               "empty disk to keep them");
  return scratch;
}

// Only a medium that `granary micro build` made has this file.
bool is_boot_disk(const BlockDevice&, const BlockDevice& first_partition) {
  const auto found = file_system_on(first_partition.path);
  if (!found || found->type != "vfat") return false;
  const MountRequest look{first_partition.path, kLookAt, "vfat", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, ""};
  if (!mount_at(look)) return false;
  const bool marked = exists(std::string(kLookAt) + kBootDiskMark);
  (void)unmount(kLookAt);
  return marked;
}

// Nothing is said of a grown file system that could not grow but to people: it is as large as it was.
void grow(const Settings& settings, const BlockDevice& device, Scratch& scratch) {
  if (!settings.resize) return;
  const auto grown = grow_scratch(device, paths::kScratch);
  if (!grown) scratch.warnings.push_back(grown.error().message);
  if (grown && !grown->empty()) scratch.warnings.push_back("grown: " + *grown);
}

// Inode tables are not zeroed in the background: it was an empty disk that the file system was made on.
Status mount_disk(const BlockDevice& device) {
  return mount_at({device.path, paths::kScratch, "ext4", MS_NOATIME, "noinit_itable"});
}

// It is mounted.
Scratch take_disk(const BlockDevice& device, const std::string& why, Scratch scratch) {
  const std::string given_up = keep_some_room(paths::kScratch);
  if (!given_up.empty()) scratch.warnings.push_back(given_up);
  scratch.device = device.path;
  scratch.lasting = true;
  measure(scratch);
  scratch.told =
      str(device.path, " (", why, "), ", scratch.size_bytes >> 20, " MB, ", scratch.free_bytes >> 20, " MB free");
  return scratch;
}

Result<Scratch> use_disk(const Settings& settings, const BlockDevice& device, const std::string& why) {
  Scratch scratch;
  const std::string repaired = TRY(check_scratch_file_system(device.path, settings.repair));
  if (!repaired.empty()) scratch.warnings.push_back(repaired);
  TRY(mount_disk(device));
  grow(settings, device, scratch);
  return take_disk(device, why, std::move(scratch));
}

Result<Scratch> make_and_use(const BlockDevice& device, const std::string& why) {
  TRY(make_scratch_file_system(device.path));
  TRY(mount_disk(device));
  return take_disk(device, why + ", now ours", {});
}

Result<Scratch> follow(const Settings& settings, const ScratchChoice& choice) {
  switch (choice.what) {
    case What::kUse: return use_disk(settings, choice.device, choice.why);
    case What::kFormat: return make_and_use(choice.device, choice.why);
    case What::kPartition: return make_and_use(TRY(make_partition(choice.device, choice.room)), choice.why);
    case What::kMemory: break;
  }
  return use_memory(choice.why);
}
}  // namespace

void settle_devices() {
  constexpr int kStill = 3, kMost = 50;
  std::vector<BlockDevice> seen = block_devices();
  for (int poll = 0, still = 0; poll < kMost && still < kStill; ++poll) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    std::vector<BlockDevice> now = block_devices();
    still = now == seen ? still + 1 : 0;
    seen = std::move(now);
  }
}

Result<std::optional<Scratch>> adopt_scratch(const Settings& settings) {
  const auto found = find_existing_scratch(settings, block_devices());
  if (!found) return std::optional<Scratch>();
  return std::optional(TRY(follow(settings, *found)));
}

Result<Scratch> prepare_scratch(const Settings& settings) {
  const ScratchChoice choice = choose_scratch(settings, block_devices(), is_boot_disk);
  const auto scratch = follow(settings, choice);
  if (scratch || choice.what == What::kMemory) return scratch;
  leave_scratch();
  return use_memory(scratch.error().message);
}

void leave_scratch() { (void)unmount(paths::kScratch); }

uint64_t quota_bytes(const Settings& settings, const Scratch& scratch) {
  const uint64_t half = std::min(scratch.size_bytes / 2, kMaxQuotaBytes);
  return settings.quota_bytes == 0 ? half : std::min(settings.quota_bytes, scratch.size_bytes);
}

Status mount_volatile_layer(const std::string& where) {
  return mount_at({"granary-upper", where, "tmpfs", 0, "mode=0755,size=50%"});
}

}  // namespace granary
