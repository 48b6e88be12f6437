#include "fs/client/walk_cursor.h"

namespace granary {

namespace {
constexpr size_t kFilesAtATime = 32;
constexpr size_t kEntriesAtATime = 256;
}  // namespace

Result<std::vector<Entry>> WalkCursor::next() {
  std::vector<Entry> files;
  while (files.size() < kFilesAtATime) {
    const bool is_inside = TRY(list(files));
    if (!is_inside && !TRY(ascend())) break;
  }
  return files;
}

Result<bool> WalkCursor::list(std::vector<Entry>& files) {
  const size_t level = levels_.size() - 1;
  std::optional<InodeNumber> below;
  size_t seen = 0;
  bool more = false;
  TRY(catalog_.list(levels_[level].directory, levels_[level].after, [&](Entry&& entry) {
    levels_[level].after = entry.name;
    if (entry.node.is_directory()) below = entry.inode;
    if (entry.node.is_file() && entry.node.size_bytes > 0) files.push_back(std::move(entry));
    more = below || files.size() >= kFilesAtATime || ++seen >= kEntriesAtATime;
    return !more;
  }));
  if (below) levels_.push_back({*below, {}});
  return more;
}

Result<bool> WalkCursor::ascend() {
  if (levels_.size() > 1) {
    levels_.pop_back();
    return true;
  }
  if (levels_[0].directory == kRootInode) return false;
  Entry self = TRY(catalog_.by_inode(levels_[0].directory));
  levels_[0] = Level{self.parent, std::move(self.name)};
  return true;
}

}  // namespace granary
