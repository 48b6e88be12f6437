#include "initramfs/scratch/scratch.h"

#include <sys/statvfs.h>

#include <algorithm>

#include "fs/base/file.h"
#include "initramfs/mounts.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
constexpr uint64_t kMaxQuotaBytes = uint64_t{4} << 30;

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
  if (!why.empty()) scratch.warnings.push_back(why);
  return scratch;
}
}  // namespace

void settle_devices() {}

Result<std::optional<Scratch>> adopt_scratch(const Settings&) { return std::optional<Scratch>(); }

Result<Scratch> prepare_scratch(const Settings& settings) {
  if (settings.scratch == "none") return use_memory("");
  return use_memory("no disk for scratch: changes and cache are in memory, and gone at the next start");
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
