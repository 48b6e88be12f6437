// A merge-join of the two trees, directory by directory. Names with a single inode are decided on the spot.
// Hard links are decided at the end, group by group, when all their names have been met: a place is kept for each.
#include "server/tree_diff.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace granary {

namespace {
using Number = SourceTree::Number;

Bytes below(ByteView path, ByteView name) { return path.empty() ? Bytes(name) : str(path, "/", name); }

bool same_content(const Node& a, const Node& b) {
  return a.type == b.type && a.digest == b.digest && a.target == b.target && a.device_major == b.device_major &&
         a.device_minor == b.device_minor;
}

class TreeDiff {
 public:
  TreeDiff(const SourceTree& source, const ContentTable& contents, Catalog* base, ByteView subpath)
      : source_(source), contents_(contents), base_(base), subpath_(subpath) {}

  Result<ChangeSet> run() {
    std::optional<Entry> top = TRY(find_top());
    TRY(visit(SourceTree::kRoot, subpath_, top ? &*top : nullptr, !source_.is_overlay));
    for (const uint32_t group : group_order_) TRY(decide_group(groups_.at(group)));
    return finish();
  }

 private:
  // One name of a hard link, with what the base has at the same path.
  struct Member {
    size_t place;  // in changes_
    Number number;
    std::optional<Entry> base;  // of the same type
    bool is_equal = false;      // in metadata and content
    bool has_content = false;   // is equal in content
  };
  using Group = std::vector<Member>;

  // What the base has where the source's root goes; makes the way there.
  Result<std::optional<Entry>> find_top() {
    std::optional<Entry> at;
    if (base_ != nullptr) at = TRY(base_->root());
    for (size_t slash = 0; slash != Bytes::npos && !subpath_.empty();) {
      slash = subpath_.find('/', slash == 0 ? 0 : slash + 1);
      const Bytes path = subpath_.substr(0, slash);
      if (path == subpath_) return TRY(child_of(at, path));
      at = TRY(child_of(at, path));
      if (!at) TRY(make_directory(path));
      if (at && !at->node.is_directory())
        return Error{Code::kInvalid, str("cannot publish below /", printable(path), ": it is a ",
                                         name_of(at->node.type), ", not a directory")};
    }
    return at;
  }

  Result<std::optional<Entry>> child_of(const std::optional<Entry>& directory, const Bytes& path) {
    if (!directory) return std::optional<Entry>();
    auto found = base_->lookup(directory->inode, path.substr(path.rfind('/') + 1));
    if (found) return std::optional<Entry>(std::move(*found));
    if (found.error().code == Code::kNotFound) return std::optional<Entry>();
    return found.error();
  }

  Status make_directory(const Bytes& path) {
    Change change;
    change.path = path;
    change.node.type = NodeType::kDirectory;
    change.node.mode = 0755;
    changes_.push_back(std::move(change));
    return Done{};
  }

  // `is_complete`: what the source does not name shall not be there.
  Status visit(Number number, const Bytes& path, const Entry* base, bool is_complete) {
    const SourceNode& node = source_.node(number);
    if (node.is_whiteout) {
      if (base != nullptr) remove(path);
      return Done{};
    }
    if (!node.is_directory()) return visit_leaf(number, path, base);

    const bool was_directory = base != nullptr && base->node.is_directory();
    if (!was_directory) put(number, path, 0);
    if (was_directory && !has_metadata(number, base->node)) put(number, path, base->inode);
    return join(number, path, was_directory ? base : nullptr, is_complete || node.is_opaque);
  }

  Status join(Number directory, const Bytes& path, const Entry* base, bool is_complete) {
    std::vector<Entry> old;
    if (base != nullptr) {
      TRY(base_->list(base->inode, {}, [&](Entry&& entry) {
        old.push_back(std::move(entry));
        return true;
      }));
    }
    auto before = old.begin();
    const auto pass_until = [&](std::optional<ByteView> name) {
      for (; before != old.end() && (!name || ByteView(before->name) < *name); ++before) {
        if (is_complete) remove(below(path, before->name));
      }
    };
    for (const Number child : source_.children(directory)) {
      const ByteView name = source_.name(child);
      pass_until(name);
      const bool is_known = before != old.end() && before->name == name;
      TRY(visit(child, below(path, name), is_known ? &*before : nullptr, is_complete));
      if (is_known) ++before;
    }
    pass_until(std::nullopt);
    return Done{};
  }

  Status visit_leaf(Number number, const Bytes& path, const Entry* base) {
    const SourceNode& node = source_.node(number);
    if (base != nullptr && base->node.type != node.type) base = nullptr;
    const bool was_linked = base != nullptr && base->nlink > 1;
    const bool has_content = base != nullptr && has_content_of(number, base->node);
    const bool is_equal = has_content && has_metadata(number, base->node);

    if (node.link_group == 0 && !was_linked && !node.is_whole_group) {
      if (is_equal) return Done{};
      put(number, path, has_content ? base->inode : 0);
      return has_content ? keep_slices(changes_.back(), *base) : Status(Done{});
    }
    const uint32_t group = node.link_group != 0 ? node.link_group : ~number;  // alone: a group of its own
    if (!groups_.contains(group)) group_order_.push_back(group);
    Member member{changes_.size(), number, std::nullopt, is_equal, has_content};
    if (base != nullptr) member.base = *base;
    groups_[group].push_back(std::move(member));
    put(number, path, 0);
    changes_.back().kind = kUndecided;
    return Done{};
  }

  // What becomes of a name that an inode has in the base.
  enum class Fate { kRemains, kGone, kInSource };

  Fate fate_of(const Bytes& path) const {
    if (!is_at_or_below(path, subpath_)) return Fate::kRemains;
    Number at = SourceTree::kRoot;
    bool is_complete = !source_.is_overlay;
    ByteView left = ByteView(path).substr(subpath_.size());
    while (!left.empty()) {
      if (left.front() == '/') left.remove_prefix(1);
      const ByteView name = left.substr(0, left.find('/'));
      left.remove_prefix(name.size());
      is_complete = is_complete || source_.node(at).is_opaque;
      at = source_.child(at, name);
      if (at == SourceTree::kRoot) return is_complete ? Fate::kGone : Fate::kRemains;
      if (source_.node(at).is_whiteout) return Fate::kGone;
      if (!left.empty() && !source_.node(at).is_directory()) return Fate::kGone;
    }
    return Fate::kInSource;
  }

  // The names that a hard link of the base keeps without the source's doing.
  struct Rest {
    std::vector<std::pair<Bytes, Entry>> names;
    bool is_told = false;  // in the set already
  };

  Result<Rest*> rest_of(const Entry& entry) {
    const auto [at, fresh] = rests_.try_emplace(entry.inode);
    if (!fresh) return &at->second;
    if (!source_.is_overlay && subpath_.empty()) return &at->second;  // the source names all there is
    std::vector<Entry> names = TRY(base_->names_of(entry.inode));
    for (Entry& name : names) {
      Bytes path = below(TRY(base_->path_of(name.parent)), name.name);
      if (fate_of(path) == Fate::kRemains) at->second.names.emplace_back(std::move(path), std::move(name));
    }
    return &at->second;
  }

  Status decide_group(const Group& group) {
    if (TRY(is_unchanged(group))) return Done{};
    bool is_whole = false;
    for (const Member& member : group) is_whole = is_whole || source_.node(member.number).is_whole_group;

    // The number stays with one group that still has its content.
    const Entry* kept = nullptr;
    for (const Member& member : group) {
      if (kept != nullptr || !member.has_content || claimed_.contains(member.base->inode)) continue;
      const Rest* rest = TRY(rest_of(*member.base));
      if (rest->names.empty() || is_whole) kept = &*member.base;
    }
    if (kept != nullptr) claimed_.insert(kept->inode);
    const InodeNumber inode = kept != nullptr ? kept->inode : 0;

    std::vector<Change> others;  // names that only the base knows, but which follow
    if (is_whole) others = TRY(follow(group));
    const uint64_t link_group = group.size() + others.size() > 1 ? ++last_link_group_ : 0;
    for (const Member& member : group) {
      Change& change = changes_[member.place];
      change.kind = Change::Kind::kPut;
      change.keep_inode = inode;
      change.link_group = link_group;
      if (kept != nullptr) TRY(keep_slices(change, *kept));
    }
    for (Change& other : others) {
      const Bytes path = other.path;
      other = changes_[group.front().place];
      other.path = path;
      extra_.push_back(std::move(other));
    }
    for (const Member& member : group) {
      if (member.base && member.base->nlink > 1 && !is_whole) TRY(tell_rest(*member.base));
    }
    return Done{};
  }

  Result<bool> is_unchanged(const Group& group) {
    for (const Member& member : group) {
      if (!member.is_equal || member.base->inode != group.front().base->inode) return false;
    }
    const Entry& base = *group.front().base;
    if (base.nlink == group.size()) return true;
    return base.nlink == group.size() + TRY(rest_of(base))->names.size();
  }

  // A file copied up as a whole takes along the names that it still has in the base.
  Result<std::vector<Change>> follow(const Group& group) {
    std::vector<Change> others;
    std::unordered_set<InodeNumber> seen;
    const auto was_link = [](const Member& member) { return member.base && member.base->nlink > 1; };
    const bool is_known = std::any_of(group.begin(), group.end(), was_link);
    for (const Member& member : group) {
      if (!source_.node(member.number).is_whole_group) continue;
      if (!is_known)
        return Error{Code::kUnsupported,
                     str("cannot tell which hard link /", printable(changes_[member.place].path),
                         " was before it was renamed: replace it by a copy of itself (cp -p, mv) and commit again")};
      if (!was_link(member)) continue;  // a new name of a file whose other names say which it is
      if (!seen.insert(member.base->inode).second) continue;
      Rest* rest = TRY(rest_of(*member.base));
      rest->is_told = true;
      for (const auto& [path, entry] : rest->names) {
        others.emplace_back();
        others.back().path = path;
      }
    }
    return others;
  }

  // When some names of a hard link go their own way, the others are in the set too, as they were.
  Status tell_rest(const Entry& entry) {
    Rest* rest = TRY(rest_of(entry));
    if (std::exchange(rest->is_told, true) || rest->names.empty()) return Done{};
    const uint64_t link_group = rest->names.size() > 1 ? ++last_link_group_ : 0;
    for (const auto& [path, name] : rest->names) {
      Change change;
      change.path = path;
      change.node = name.node;
      change.keep_inode = name.inode;
      change.link_group = link_group;
      TRY(keep_slices(change, name));
      extra_.push_back(std::move(change));
    }
    return Done{};
  }

  // Content that is unchanged stays where it lies.
  Status keep_slices(Change& change, const Entry& base) {
    if (!change.node.is_file()) return Done{};
    change.slices = base.slices;
    if (!base.slices_elsewhere) return Done{};
    change.slices.clear();
    const auto placed = TRY(base_->slices(base, 0, base.node.size_bytes));
    for (const auto& one : placed) change.slices.push_back(one.slice);
    return Done{};
  }

  void remove(Bytes path) {
    Change change;
    change.kind = Change::Kind::kRemove;
    change.path = std::move(path);
    changes_.push_back(std::move(change));
  }

  void put(Number number, const Bytes& path, InodeNumber keep_inode) {
    Change change;
    change.path = path;
    change.node = source_.as_node(number, contents_);
    change.keep_inode = keep_inode;
    if (change.node.is_file()) {
      const auto slices = contents_.slices(source_.node(number).content);
      change.slices.assign(slices.begin(), slices.end());
    }
    changes_.push_back(std::move(change));
  }

  bool has_metadata(Number number, const Node& base) const {
    const SourceNode& node = source_.node(number);
    return node.mode == base.mode && node.uid == base.uid && node.gid == base.gid && node.mtime == base.mtime &&
           node.mtime_ns == base.mtime_ns && (node.xattrs == 0) == base.xattrs.empty() &&
           (node.xattrs == 0 || source_.xattrs(number) == base.xattrs);
  }

  bool has_content_of(Number number, const Node& base) const {
    const SourceNode& node = source_.node(number);
    if (node.is_file()) return contents_.digest(node.content) == base.digest;
    return same_content(source_.as_node(number, contents_), base);
  }

  ChangeSet finish() {
    std::erase_if(changes_, [](const Change& change) { return change.kind == kUndecided; });
    if (!extra_.empty()) {
      changes_.insert(changes_.end(), std::make_move_iterator(extra_.begin()), std::make_move_iterator(extra_.end()));
      std::sort(changes_.begin(), changes_.end(),
                [](const Change& a, const Change& b) { return path_less(a.path, b.path); });
    }
    return {std::move(changes_)};
  }

  static constexpr auto kUndecided = static_cast<Change::Kind>(0xff);  // a hard link, until its group is decided

  const SourceTree& source_;
  const ContentTable& contents_;
  Catalog* const base_;
  const Bytes subpath_;

  std::vector<Change> changes_;  // in path order
  std::vector<Change> extra_;    // in none
  std::map<uint32_t, Group> groups_;
  std::vector<uint32_t> group_order_;
  std::unordered_map<InodeNumber, Rest> rests_;
  std::unordered_set<InodeNumber> claimed_;
  uint64_t last_link_group_ = 0;
};
}  // namespace

Result<ChangeSet> diff_source(const SourceTree& source, const ContentTable& contents, Catalog* base, ByteView subpath) {
  return TreeDiff(source, contents, base, subpath).run();
}

}  // namespace granary
