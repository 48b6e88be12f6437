#include "fs/format/catalog_walk.h"

#include <tuple>

namespace granary {

namespace {
constexpr size_t kPortion = 512;
}  // namespace

Status DirectoryCursor::load() {
  if (directory_ == 0) {
    exhausted_ = true;
    return Done{};
  }
  TRY(catalog_->list(directory_, last_, [&](Entry&& entry) {
    entries_.push_back(std::move(entry));
    return entries_.size() < kPortion;
  }));
  exhausted_ = entries_.size() < kPortion;
  if (!entries_.empty()) last_ = entries_.back().name;
  return Done{};
}

Result<const Entry*> DirectoryCursor::current() {
  if (entries_.empty() && !exhausted_) TRY(load());
  return entries_.empty() ? nullptr : &entries_.front();
}

Result<Pair> next_pair(DirectoryCursor& before, DirectoryCursor& after) {
  Pair pair;
  pair.before = TRY(before.current());
  pair.after = TRY(after.current());
  if (pair.before == nullptr || pair.after == nullptr) return pair;
  const int order = pair.before->name.compare(pair.after->name);
  if (order < 0) pair.after = nullptr;
  if (order > 0) pair.before = nullptr;
  return pair;
}

Result<std::set<PathGroup>> LinkGroupPaths::recorded_in(InodeNumber directory) {
  std::set<PathGroup> groups;
  if (directory == 0) return groups;
  for (const InodeNumber inode : TRY(catalog_.link_groups(directory))) {
    PathGroup group;
    for (const Entry& name : TRY(catalog_.names_of(inode))) {
      const auto [path, unknown] = paths_.try_emplace(name.parent);
      if (unknown) path->second = TRY(catalog_.path_of(name.parent));
      group.insert(join_path(path->second, name.name));
    }
    groups.insert(std::move(group));
  }
  return groups;
}

Bytes join_path(ByteView directory, ByteView name) {
  Bytes path(directory);
  if (!path.empty() && !name.empty()) path += '/';
  path += name;
  return path;
}

bool same_metadata_but_time(const Node& a, const Node& b) {
  return std::tie(a.type, a.mode, a.uid, a.gid, a.xattrs) == std::tie(b.type, b.mode, b.uid, b.gid, b.xattrs);
}

bool same_metadata(const Node& a, const Node& b) {
  return same_metadata_but_time(a, b) && a.mtime == b.mtime && a.mtime_ns == b.mtime_ns;
}

}  // namespace granary
