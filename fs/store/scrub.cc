#include "fs/store/scrub.h"

#include <fcntl.h>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kNamed = 100;
constexpr size_t kPieceBytes = 256 * 1024;

enum class State { kGood, kDamaged, kUnreadable, kGone };

// From the disk, as far as the kernel can be persuaded; and leaves its memory to others.
State state_of(const CacheFolder& folder, const CacheFolder::Resident& resident) {
  const auto found = folder.find(resident.id);
  if (!found) return found.error().code == Code::kNotFound ? State::kGone : State::kUnreadable;
  ::posix_fadvise(found->fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  ::posix_fadvise(found->fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  const auto size_bytes = static_cast<uint64_t>(found->info.st_size);
  if (size_bytes > kMaxObjectBytes) return State::kDamaged;
  Sha256 hash;
  for (uint64_t offset = 0; offset < size_bytes; offset += kPieceBytes) {
    const auto piece = read_at(found->fd.get(), static_cast<off_t>(offset), kPieceBytes);
    if (!piece) return State::kUnreadable;
    hash.update(*piece);
  }
  ::posix_fadvise(found->fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return hash.finish() == resident.id ? State::kGood : State::kDamaged;
}

Status scrub_folder(CacheFolder& folder, ScrubReport& report, bool& goes_on,
                    const std::function<bool(const ScrubReport&)>& go_on) {
  const CacheFolder::Scan scan = TRY(folder.list(report.next_folder));
  report.leftovers += scan.cleared;
  for (const CacheFolder::Resident& resident : scan.objects) {
    const State state = state_of(folder, resident);
    if (state == State::kGone) continue;
    ++report.objects;
    report.bytes += resident.size_bytes;
    if (state != State::kGood) {
      ++(state == State::kDamaged ? report.damaged : report.unreadable);
      if (folder.remove(resident.id)) ++report.removed;
      if (report.named.size() < kNamed) report.named.push_back(resident.id);
    }
    goes_on = go_on(report);
    if (!goes_on) return Done{};
  }
  return Done{};
}
}  // namespace

Result<ScrubReport> scrub(CacheFolder& folder, int first_folder, const std::function<bool(const ScrubReport&)>& go_on) {
  ScrubReport report;
  bool goes_on = true;
  report.next_folder = first_folder;
  while (report.next_folder < 256) {
    TRY(scrub_folder(folder, report, goes_on, go_on));
    if (!goes_on) break;
    ++report.next_folder;
  }
  if (report.removed > 0) static_cast<void>(folder.usage().count_removal());
  if (goes_on) {
    if (const auto counted = folder.scan()) report.leftovers += counted->cleared;
  }
  return report;
}

}  // namespace granary
