#include "fs/client/touch_recorder.h"

#include <algorithm>

namespace granary {

namespace {
bool covers(const ByteRanges& ranges, uint64_t from, uint64_t to) {
  auto after = ranges.upper_bound(from);
  if (after == ranges.begin()) return false;
  return std::prev(after)->second >= to;
}

// Adds [from, to), together with what it overlaps or touches. Returns how many bytes are new.
uint64_t add(ByteRanges& ranges, uint64_t from, uint64_t to) {
  uint64_t known = 0;
  auto next = ranges.upper_bound(from);
  if (next != ranges.begin() && std::prev(next)->second >= from) --next;
  while (next != ranges.end() && next->first <= to) {
    known += next->second - next->first;
    from = std::min(from, next->first);
    to = std::max(to, next->second);
    next = ranges.erase(next);
  }
  ranges.emplace(from, to);
  return to - from - known;
}
}  // namespace

Status TouchRecorder::start(UnixSeconds now) {
  const MutexLock lock(mutex_);
  if (recording_.load(std::memory_order_relaxed))
    return Error{Code::kBusy, str("a recording runs since ", format_utc(current_.started_at), ": stop it first")};
  current_ = {};
  current_.started_at = now;
  places_.clear();
  taken_ = 0;
  bytes_ = 0;
  recording_.store(true, std::memory_order_relaxed);
  return Done{};
}

Result<TouchRecorder::Recording> TouchRecorder::stop() {
  const MutexLock lock(mutex_);
  if (!recording_.load(std::memory_order_relaxed)) return Error{Code::kNotFound, "no recording runs"};
  recording_.store(false, std::memory_order_relaxed);
  places_.clear();
  return std::exchange(current_, {});
}

std::optional<TouchRecorder::Progress> TouchRecorder::progress() const {
  const MutexLock lock(mutex_);
  if (!recording_.load(std::memory_order_relaxed)) return std::nullopt;
  Progress out{current_.started_at, 0, 0, bytes_, current_.truncated};
  for (const Touched& touched : current_.touched) ++(touched.is_directory ? out.directories : out.files);
  return out;
}

// False once there is no room; nothing is taken in from then on, so that what is told has an end, not gaps.
bool TouchRecorder::take_one() {
  if (!current_.truncated && taken_ < kMaxTouches) return ++taken_, true;
  current_.truncated = true;
  return false;
}

void TouchRecorder::take_in_directory(InodeNumber inode) {
  const MutexLock lock(mutex_);
  if (!recording_.load(std::memory_order_relaxed) || places_.contains(inode) || !take_one()) return;
  places_.emplace(inode, current_.touched.size());
  current_.touched.push_back({inode, true, {}});
}

void TouchRecorder::take_in_range(InodeNumber inode, uint64_t offset_bytes, uint64_t length_bytes) {
  const uint64_t from = offset_bytes / kGranuleBytes * kGranuleBytes;
  const uint64_t to = (offset_bytes + length_bytes + kGranuleBytes - 1) / kGranuleBytes * kGranuleBytes;
  const MutexLock lock(mutex_);
  if (!recording_.load(std::memory_order_relaxed)) return;
  const auto place = places_.find(inode);
  const bool is_new = place == places_.end();
  if (!is_new && covers(current_.touched[place->second].ranges, from, to)) return;
  if (!take_one()) return;
  if (is_new) {
    places_.emplace(inode, current_.touched.size());
    current_.touched.push_back({inode, false, {{from, to}}});
    bytes_ += to - from;
    return;
  }
  ByteRanges& ranges = current_.touched[place->second].ranges;
  const size_t before = ranges.size();
  bytes_ += add(ranges, from, to);
  taken_ -= std::min(taken_, before + 1 - ranges.size());  // what merged takes no room
}

}  // namespace granary
