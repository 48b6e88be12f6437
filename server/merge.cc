#include "server/merge.h"

#include <algorithm>
#include <map>

namespace granary {

namespace {
struct PathLess {
  bool operator()(const Bytes& a, const Bytes& b) const { return path_less(a, b); }
};
using Differences = std::map<Bytes, Difference, PathLess>;

Result<Differences> differences_between(Catalog& base, Catalog& theirs) {
  Differences found;
  TRY(diff_catalogs(base, theirs, [&](Difference&& difference) {
    Bytes path = difference.path;
    found.emplace(std::move(path), std::move(difference));
    return true;
  }));
  return found;
}

// True when two directory nodes agree in all a directory says of itself, its time aside.
bool same_but_time(const Node& a, const Node& b) {
  return a.is_directory() && b.is_directory() && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         a.xattrs == b.xattrs;
}

bool earlier(const Node& a, const Node& b) { return a.mtime != b.mtime ? a.mtime < b.mtime : a.mtime_ns < b.mtime_ns; }

bool same_outcome(const Change& ours, const Difference& theirs) {
  if (ours.kind == Change::Kind::kRemove) return theirs.kind == Difference::Kind::kRemoved;
  if (!theirs.after || ours.link_group != 0 || theirs.after->nlink > 1) return false;
  const Node& node = theirs.after->node;
  if (ours.node.is_directory() && same_but_time(ours.node, node))
    return ours.node.mtime == node.mtime && ours.node.mtime_ns == node.mtime_ns;
  return ours.node == node;
}

enum class Verdict { kReplay, kDrop, kConflict };

Verdict judge_same_path(const Change& ours, const Difference& theirs) {
  if (same_outcome(ours, theirs)) return Verdict::kDrop;
  const bool both_directories =
      ours.kind == Change::Kind::kPut && ours.node.is_directory() && theirs.after && theirs.after->node.is_directory();
  if (!both_directories) return Verdict::kConflict;
  if (same_but_time(ours.node, theirs.after->node))
    return earlier(theirs.after->node, ours.node) ? Verdict::kReplay : Verdict::kDrop;
  const bool they_changed_time_only = theirs.before && same_but_time(theirs.before->node, theirs.after->node);
  const bool we_changed_time_only = theirs.before && same_but_time(theirs.before->node, ours.node);
  if (they_changed_time_only) return Verdict::kReplay;
  return we_changed_time_only ? Verdict::kDrop : Verdict::kConflict;
}

bool leaves_no_directory(const Difference& theirs) { return !theirs.after || !theirs.after->node.is_directory(); }
bool leaves_no_directory(const Change& ours) { return ours.kind == Change::Kind::kRemove || !ours.node.is_directory(); }

// The topmost directory above `path` that they removed or replaced, if any.
const Difference* gone_above(const Differences& theirs, const Bytes& path) {
  for (size_t slash = path.find('/'); slash != Bytes::npos; slash = path.find('/', slash + 1)) {
    const auto found = theirs.find(path.substr(0, slash));
    if (found != theirs.end() && leaves_no_directory(found->second)) return &found->second;
  }
  return nullptr;
}

// Something they added or changed below `path`, if any; what they removed there is no loss.
const Difference* kept_below(const Differences& theirs, const Bytes& path) {
  for (auto it = theirs.upper_bound(path); it != theirs.end() && is_at_or_below(it->first, path); ++it) {
    if (it->second.kind != Difference::Kind::kRemoved) return &it->second;
  }
  return nullptr;
}

const char* verb(const Difference& theirs) {
  switch (theirs.kind) {
    case Difference::Kind::kAdded: return "added";
    case Difference::Kind::kRemoved: return "removed";
    case Difference::Kind::kChanged: return "changed";
  }
  return "touched";
}

std::string shown(const Bytes& path) { return "/" + printable(path); }
}  // namespace

Result<Merge> merge_changes(const ChangeSet& ours, Catalog& base, Catalog& theirs) {
  const Differences their_changes = TRY(differences_between(base, theirs));
  Merge merge;
  for (const Change& change : ours.changes) {
    if (const Difference* above = gone_above(their_changes, change.path)) {
      const bool both_removed = change.kind == Change::Kind::kRemove && above->kind == Difference::Kind::kRemoved;
      if (!both_removed)
        merge.conflicts.push_back(
            str(shown(change.path), ": the other publisher ", verb(*above), " ", shown(above->path)));
      continue;
    }
    const Difference* below = leaves_no_directory(change) ? kept_below(their_changes, change.path) : nullptr;
    if (below != nullptr) {
      merge.conflicts.push_back(
          str(shown(change.path), ": the other publisher ", verb(*below), " ", shown(below->path), " below it"));
      continue;
    }
    const auto same = their_changes.find(change.path);
    const Verdict verdict = same == their_changes.end() ? Verdict::kReplay : judge_same_path(change, same->second);
    if (verdict == Verdict::kReplay) merge.replay.changes.push_back(change);
    if (verdict == Verdict::kConflict)
      merge.conflicts.push_back(str(shown(change.path), ": the other publisher ", verb(same->second), " it too"));
  }
  return merge;
}

}  // namespace granary
