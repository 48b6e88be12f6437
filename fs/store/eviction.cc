#include "fs/store/eviction.h"

#include <algorithm>
#include <thread>

#include "fs/base/crash_point.h"
#include "fs/store/eviction_lock.h"

namespace granary {

Result<FileLock> wait_for_eviction_lock(const std::string& path, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto pause = std::chrono::milliseconds(1);; pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
    auto lock = FileLock::try_lock(path);
    const bool is_over = std::chrono::steady_clock::now() >= deadline;
    if (lock || lock.error().code != Code::kBusy || is_over) return lock;
    std::this_thread::sleep_for(pause);
  }
}

Result<Evicted> evict_down_to(CacheFolder& folder, PinnedSet& pinned, uint64_t goal_bytes,
                              std::chrono::milliseconds patience, const std::function<bool()>& go_on) {
  const FileLock lock = TRY(wait_for_eviction_lock(folder.lock_path(), patience));
  Evicted evicted;
  const auto before = folder.usage().read();
  if (before && before->used_bytes <= goal_bytes) {  // somebody else was faster
    evicted.used_bytes = before->used_bytes;
    return evicted;
  }
  CacheFolder::Scan scan = TRY(folder.scan(go_on));
  std::sort(scan.objects.begin(), scan.objects.end(),
            [](const CacheFolder::Resident& a, const CacheFolder::Resident& b) { return a.used_ns < b.used_ns; });
  pinned.refresh();
  evicted.used_bytes = scan.charge_bytes;
  for (const CacheFolder::Resident& resident : scan.objects) {
    if (evicted.used_bytes <= goal_bytes || !go_on()) break;
    if (pinned.contains(resident.id)) continue;
    const auto removed = folder.remove(resident.id);
    if (!removed && removed.error().code == Code::kNotFound) continue;
    if (!removed) {
      ++evicted.refused;
      continue;
    }
    crash_point("cache-after-evict");
    ++evicted.objects;
    evicted.bytes += *removed;
    if (const auto now = folder.usage().read()) evicted.used_bytes = now->used_bytes;
  }
  if (evicted.objects > 0) static_cast<void>(folder.usage().count_removal());
  return evicted;
}

}  // namespace granary
