// How two trees differ. Directories are compared by digest and only descended into when it differs; then their entries
// are joined by name. A directory's digest also covers the hard-link groups it records: names whose group is another
// are noted before the descent, because they may lie below directories that are otherwise equal.
#include <algorithm>
#include <unordered_set>

#include "fs/format/catalog_walk.h"
#include "fs/format/paths.h"

namespace granary {

namespace {

using Kind = Difference::Kind;

// A slash sorts before all other bytes, so that what is below a path follows it at once.
struct WalkOrder {
  static int rank(char c) { return c == '/' ? -1 : static_cast<unsigned char>(c); }
  bool operator()(const Bytes& a, const Bytes& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return rank(x) < rank(y); });
  }
};

class Differ {
 public:
  using Visit = std::function<bool(Difference&&)>;
  Differ(Catalog& before, Catalog& after, const Visit& visit, Compared compared)
      : before_(before),
        after_(after),
        groups_before_(before),
        groups_after_(after),
        visit_(visit),
        compared_(compared) {}

  Status run() {
    Entry before = TRY(before_.root());
    Entry after = TRY(after_.root());
    TRY(compare({}, std::move(before), std::move(after)));
    while (!stack_.empty() && !stopped_) TRY(advance());
    return Done{};
  }

 private:
  struct Frame {
    Bytes path;
    DirectoryCursor before, after;
  };

  // Takes the next name of the directory on top.
  Status advance() {
    Frame& top = stack_.back();
    const Pair pair = TRY(next_pair(top.before, top.after));
    if (pair.at_end()) {
      stack_.pop_back();
      return Done{};
    }
    Bytes path = join_path(top.path, pair.name());
    std::optional<Entry> before, after;
    if (pair.before != nullptr) before = top.before.take();
    if (pair.after != nullptr) after = top.after.take();
    return compare(std::move(path), std::move(before), std::move(after));  // `top` may be gone after this
  }

  Status compare(Bytes path, std::optional<Entry> before, std::optional<Entry> after) {
    const InodeNumber inside_before = before && before->node.is_directory() ? before->inode : 0;
    const InodeNumber inside_after = after && after->node.is_directory() ? after->inode : 0;
    const bool differs = !before || !after || !same(path, *before, *after);
    const bool contents_differ = (inside_before != 0) != (inside_after != 0) ||
                                 (inside_before != 0 && before->node.digest != after->node.digest);
    if (differs) report(path, std::move(before), std::move(after));
    if (contents_differ && inside_before != 0 && inside_after != 0) TRY(note_regrouped(inside_before, inside_after));
    const bool descend = (inside_before != 0 || inside_after != 0) && (contents_differ || has_regrouped_below(path));
    if (!descend || stopped_) return Done{};
    TRY(enter_once(entered_before_, inside_before));
    TRY(enter_once(entered_after_, inside_after));
    stack_.push_back({std::move(path), {before_, inside_before}, {after_, inside_after}});
    return Done{};
  }

  // A directory has one name: without this, a catalog with loops would be walked for ever.
  static Status enter_once(std::unordered_set<InodeNumber>& entered, InodeNumber directory) {
    if (directory == 0 || entered.insert(directory).second) return Done{};
    return Error{Code::kCorrupt, str("a catalog's directory ", directory, " has more than one name")};
  }

  bool same(const Bytes& path, const Entry& before, const Entry& after) const {
    if (compared_ == Compared::kInodes && (before.inode != after.inode || before.nlink != after.nlink)) return false;
    if (before.node.is_directory() && after.node.is_directory()) return same_metadata(before.node, after.node);
    return before.node == after.node && regrouped_.count(path) == 0;
  }

  void report(const Bytes& path, std::optional<Entry> before, std::optional<Entry> after) {
    const Kind kind = !before ? Kind::kAdded : !after ? Kind::kRemoved : Kind::kChanged;
    stopped_ = !visit_({kind, path, std::move(before), std::move(after)});
  }

  // Remembers the names whose group is not the same on both sides.
  Status note_regrouped(InodeNumber before, InodeNumber after) {
    const std::set<PathGroup> old_groups = TRY(groups_before_.recorded_in(before));
    const std::set<PathGroup> new_groups = TRY(groups_after_.recorded_in(after));
    std::vector<PathGroup> changed;
    std::set_symmetric_difference(old_groups.begin(), old_groups.end(), new_groups.begin(), new_groups.end(),
                                  std::back_inserter(changed));
    for (const PathGroup& group : changed) regrouped_.insert(group.begin(), group.end());
    return Done{};
  }

  bool has_regrouped_below(const Bytes& path) const {
    const auto first = regrouped_.lower_bound(path);
    return first != regrouped_.end() && path_covers(path, *first);
  }

  Catalog& before_;
  Catalog& after_;
  LinkGroupPaths groups_before_;
  LinkGroupPaths groups_after_;
  const Visit& visit_;
  const Compared compared_;
  std::vector<Frame> stack_;
  std::set<Bytes, WalkOrder> regrouped_;
  std::unordered_set<InodeNumber> entered_before_;
  std::unordered_set<InodeNumber> entered_after_;
  bool stopped_ = false;
};

// Answers whether two trees are equal outside some paths.
class Fence {
 public:
  Fence(Catalog& before, Catalog& after, const std::vector<Bytes>& allowed)
      : before_(before), after_(after), groups_before_(before), groups_after_(after), allowed_(allowed) {}

  Result<bool> holds() {
    const Entry before = TRY(before_.root());
    const Entry after = TRY(after_.root());
    return equal_outside({}, before, after);
  }

 private:
  bool is_allowed(ByteView path) const {
    return std::any_of(allowed_.begin(), allowed_.end(), [&](const Bytes& top) { return path_covers(top, path); });
  }
  bool is_above_allowed(ByteView path) const {
    return std::any_of(allowed_.begin(), allowed_.end(), [&](const Bytes& top) { return path_covers(path, top); });
  }

  // Recurses along the allowed paths only, so it is never deeper than they are.
  Result<bool> equal_outside(const Bytes& path, const Entry& before, const Entry& after) {
    if (is_allowed(path) || before.node == after.node) return true;
    const bool may_differ = before.node.is_directory() && is_above_allowed(path);
    if (!may_differ || !same_metadata_but_time(before.node, after.node)) return same_tree(before.node, after.node);
    if (before.node.digest == after.node.digest) return true;
    if (!TRY(same_groups(before.inode, after.inode))) return false;
    DirectoryCursor old_entries(before_, before.inode);
    DirectoryCursor new_entries(after_, after.inode);
    while (true) {
      const Pair pair = TRY(next_pair(old_entries, new_entries));
      if (pair.at_end()) return true;
      const Bytes child = join_path(path, pair.name());
      if (!is_allowed(child)) {
        if (pair.before == nullptr || pair.after == nullptr) return false;
        if (!TRY(equal_outside(child, *pair.before, *pair.after))) return false;
      }
      if (pair.before != nullptr) old_entries.advance();
      if (pair.after != nullptr) new_entries.advance();
    }
  }

  static bool same_tree(const Node& before, const Node& after) {
    if (!before.is_directory()) return before == after;
    return same_metadata(before, after) && before.digest == after.digest;
  }

  // Groups that reach outside the fence must be the same.
  Result<bool> same_groups(InodeNumber before, InodeNumber after) {
    const std::set<PathGroup> old_groups = reaching_out(TRY(groups_before_.recorded_in(before)));
    const std::set<PathGroup> new_groups = reaching_out(TRY(groups_after_.recorded_in(after)));
    return old_groups == new_groups;
  }
  std::set<PathGroup> reaching_out(const std::set<PathGroup>& groups) const {
    std::set<PathGroup> out;
    for (const PathGroup& group : groups) {
      if (!std::all_of(group.begin(), group.end(), [&](const Bytes& path) { return is_allowed(path); }))
        out.insert(group);
    }
    return out;
  }

  Catalog& before_;
  Catalog& after_;
  LinkGroupPaths groups_before_;
  LinkGroupPaths groups_after_;
  const std::vector<Bytes>& allowed_;
};

}  // namespace

Status diff_catalogs(Catalog& before, Catalog& after, const std::function<bool(Difference&&)>& visit,
                     Compared compared) {
  return Differ(before, after, visit, compared).run();
}

Result<bool> changed_only_below(Catalog& before, Catalog& after, const std::vector<Bytes>& paths) {
  return Fence(before, after, paths).holds();
}

}  // namespace granary
