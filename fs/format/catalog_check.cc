// Verifies a catalog, from its storage up: inlined pages against the groups, SQLite's own look at its b-trees, one scan
// that gathers what rows must add up to (links, totals, who lies in which directory), and one walk from the root that
// computes every digest anew. Memory: some ten bytes an entry, a hundred a directory and a hard link.
#include <algorithm>
#include <cstdint>
#include <unordered_set>

#include "fs/format/catalog_database.h"
#include "fs/format/catalog_walk.h"
#include "fs/format/tree_digest.h"

namespace granary {

namespace {

class Checker {
 public:
  Checker(Catalog& catalog, ObjectReader& objects, const Broken& broken)
      : catalog_(catalog), objects_(objects), broken_(broken) {}

  Result<Digest> run() {
    TRY(check_storage());
    TRY(gather());
    check_directories();
    TRY(check_links());
    TRY(check_totals());
    return walk();
  }

 private:
  struct Directory {
    InodeNumber parent = 0;
    Bytes name;
    int64_t depth = kUnknown;
  };
  static constexpr int64_t kAboveRoot = -1;
  static constexpr int64_t kUnreachable = -2;
  static constexpr int64_t kUnknown = -3;

  struct Contents {
    uint32_t entries = 0;
    uint32_t directories = 0;
  };
  struct Link {
    std::vector<std::pair<InodeNumber, Bytes>> names;
    Entry model;
    bool reported = false;
  };
  // A directory on the walk.
  struct Frame {
    Entry directory;
    DirectoryCursor entries;
    DirectoryDigester digester;
    uint32_t missing;   // entries not yet walked
    bool sound = true;  // all directories below have the digests their rows say
  };

  // ---- storage

  Status check_storage() {
    pages_ = TRY(CatalogPages::open(catalog_.id(), objects_));
    for (const InlinedPage& inlined : pages_->index().inlined) {
      const SharedBytes group = TRY(pages_->group((inlined.number - 1) / kPagesPerGroup));
      const size_t offset = size_t{(inlined.number - 1) % kPagesPerGroup} * kPageBytes;
      if (ByteView(*group).substr(offset, kPageBytes) != inlined.bytes)
        broken_({}, str("page ", inlined.number, " in the catalog's index differs from the one in its group"));
    }
    database_ = TRY(Database::open(*pages_, "catalog " + catalog_.id().brief()));
    database_->allow_long_steps();
    SqlStatement lines = TRY(database_->prepare("PRAGMA integrity_check(100)"));
    while (TRY(lines.step())) {
      if (lines.text(0) != "ok") broken_({}, "the catalog's database: " + printable(lines.text(0)));
    }
    return Done{};
  }

  // ---- one scan

  Status gather() {
    InodeNumber last_parent = 0;
    const Status scanned = catalog_.scan([&](Entry&& entry) {
      ++entries_;
      if (entry.parent != last_parent) parents_.push_back(last_parent = entry.parent);
      Contents& contents = contents_[entry.parent];
      ++contents.entries;
      entry.node.is_directory() ? (++contents.directories, gather_directory(entry)) : gather_other(std::move(entry));
      return true;
    });
    if (!scanned && scanned.error().code == Code::kCorrupt) broken_({}, scanned.error().message);
    return scanned;
  }

  void gather_directory(const Entry& entry) {
    const auto [place, fresh] = directories_.try_emplace(entry.inode, Directory{entry.parent, entry.name, kUnknown});
    if (!fresh) broken_(path_of(entry), str("directory ", entry.inode, " has a second name"));
  }

  void gather_other(Entry&& entry) {
    check_slices(entry);
    if (entry.nlink == 1) {
      single_.push_back(entry.inode);
      if (entry.node.is_file()) bytes_ += entry.node.size_bytes;
      return;
    }
    const auto [place, fresh] = links_.try_emplace(entry.inode);
    Link& link = place->second;
    link.names.emplace_back(entry.parent, entry.name);
    if (fresh) {
      if (entry.node.is_file()) bytes_ += entry.node.size_bytes;
      link.model = std::move(entry);
      return;
    }
    const bool agrees = entry.node == link.model.node && entry.nlink == link.model.nlink &&
                        entry.slices == link.model.slices && entry.slices_elsewhere == link.model.slices_elsewhere;
    if (!agrees && !std::exchange(link.reported, true))
      broken_(path_of(entry), str("the names of inode ", entry.inode, " disagree about it"));
  }

  void check_slices(const Entry& entry) {
    if (!entry.slices_elsewhere) return;  // checked when the row was read
    with_slices_.insert(entry.inode);
    const auto slices = catalog_.slices(entry, 0, entry.node.size_bytes);
    if (!slices) broken_(path_of(entry), slices.error().message);
  }

  // For messages: the path as far as it can be told.
  Bytes path_of(const Entry& entry) { return path_of(entry.parent, entry.name); }
  Bytes path_of(InodeNumber parent, ByteView name) {
    auto directory = parent == 0 ? Result<Bytes>(Bytes{}) : catalog_.path_of(parent);
    return join_path(directory.value_or(str("(directory ", parent, ")")), name);
  }

  // ---- who lies where

  void check_directories() {
    for (const InodeNumber parent : parents_) {
      if (directories_.count(parent) == 0)
        broken_({}, str("there are entries in directory ", parent, ", which does not exist"));
    }
    for (auto& [inode, directory] : directories_) {
      const bool reachable = depth_of(inode) >= 0;
      if (!reachable && directories_.count(directory.parent) != 0)
        broken_(directory.name, str("directory ", inode, " is not reached from the root"));
    }
  }

  int64_t depth_of(InodeNumber inode) {
    std::vector<Directory*> chain;  // upwards, until a depth is known
    std::optional<int64_t> above;
    for (InodeNumber next = inode; !above;) {
      const auto found = directories_.find(next);
      if (next == 0 || found == directories_.end()) {
        above = next == 0 ? kAboveRoot : kUnreachable;
      } else if (found->second.depth != kUnknown) {
        above = found->second.depth;
      } else {
        found->second.depth = kUnreachable;  // and so it stays when the chain leads back here
        chain.push_back(&found->second);
        next = found->second.parent;
      }
    }
    if (*above == kUnreachable) return kUnreachable;
    for (auto next = chain.rbegin(); next != chain.rend(); ++next) (*next)->depth = ++*above;
    return *above;
  }

  // ---- hard links

  Status check_links() {
    check_single_names();
    for (auto& [inode, link] : links_) {
      if (directories_.count(inode) != 0)
        broken_(path_of(link.model), str("inode ", inode, " is a directory elsewhere"));
      if (link.names.size() != link.model.nlink)
        broken_(path_of(link.model),
                str("its link count is ", link.model.nlink, ", but it has ", link.names.size(), " names"));
      if (link.names.size() < 2) continue;
      if (const InodeNumber recorder = common_directory(link); recorder != 0) recorded_[recorder].push_back(inode);
    }
    TRY(check_recorded_groups());
    return check_slice_owners();
  }

  void check_single_names() {
    std::sort(single_.begin(), single_.end());
    for (size_t i = 0; i < single_.size(); ++i) {
      const bool twice = i > 0 && single_[i] == single_[i - 1];
      if (twice || links_.count(single_[i]) != 0 || directories_.count(single_[i]) != 0)
        broken_({}, str("inode ", single_[i], " has more names than its link count says"));
    }
    single_ = {};
  }

  InodeNumber common_directory(const Link& link) {
    InodeNumber common = link.names.front().first;
    for (const auto& [parent, name] : link.names) {
      InodeNumber other = parent;
      if (depth_of(common) < 0 || depth_of(other) < 0) return 0;  // reported as unreachable
      while (common != other) {
        const int64_t a = directories_[common].depth;
        const int64_t b = directories_[other].depth;
        if (a >= b) common = directories_[common].parent;
        if (b >= a) other = directories_[other].parent;
      }
    }
    return common;
  }

  Status check_recorded_groups() {
    std::set<std::pair<InodeNumber, InodeNumber>> expected;
    for (const auto& [directory, inodes] : recorded_) {
      for (const InodeNumber inode : inodes) expected.emplace(directory, inode);
    }
    SqlStatement rows = TRY(database_->prepare("SELECT directory,inode FROM link_group"));
    while (TRY(rows.step())) {
      const auto directory = static_cast<InodeNumber>(rows.integer(0));
      const auto inode = static_cast<InodeNumber>(rows.integer(1));
      if (expected.erase({directory, inode}) == 0)
        broken_({},
                str("directory ", directory, " records a hard-link group of inode ", inode, ", which is none there"));
    }
    for (const auto& [directory, inode] : expected)
      broken_(path_of(links_[inode].model), str("its hard-link group is not recorded in directory ", directory));
    return Done{};
  }

  Status check_slice_owners() {
    SqlStatement rows = TRY(database_->prepare("SELECT DISTINCT inode FROM slice"));
    while (TRY(rows.step())) {
      const auto inode = static_cast<InodeNumber>(rows.integer(0));
      if (with_slices_.count(inode) == 0) broken_({}, str("there are slices of inode ", inode, ", which has none"));
    }
    return Done{};
  }

  Status check_totals() {
    if (const uint64_t claimed = TRY(catalog_.entry_count()); claimed != entries_)
      broken_({}, str("the catalog claims ", claimed, " entries and has ", entries_));
    if (const uint64_t claimed = TRY(catalog_.total_bytes()); claimed != bytes_)
      broken_({}, str("the catalog claims ", claimed, " bytes of files and has ", bytes_));
    return Done{};
  }

  // ---- digests

  Result<Digest> walk() {
    Entry root = TRY(catalog_.root());
    Node node = root.node;
    enter(std::move(root));
    while (true) {
      Frame& top = stack_.back();
      const Entry* next = TRY(top.entries.current());
      if (next == nullptr) {
        const Digest digest = TRY(leave());
        if (stack_.empty()) {
          node.digest = digest;
          return tree_digest(node);
        }
        continue;
      }
      if (top.missing == 0) return Error{Code::kCorrupt, "the catalog's rows are not found where they stand"};
      Entry entry = top.entries.take();
      if (entry.node.is_directory() && walked_.insert(entry.inode).second) {
        enter(std::move(entry));
        continue;
      }
      --top.missing;
      top.digester.add(entry.name, entry.node);
    }
  }

  void enter(Entry&& directory) {
    const uint32_t entries = contents_[directory.inode].entries;
    const InodeNumber inode = directory.inode;
    walked_.insert(inode);
    stack_.push_back({std::move(directory), {catalog_, inode}, DirectoryDigester(entries), entries});
  }

  // Finishes the directory on top, and adds it to the one above.
  Result<Digest> leave() {
    Frame done = std::move(stack_.back());
    stack_.pop_back();
    if (done.missing != 0) return Error{Code::kCorrupt, "the catalog's rows are not found where they stand"};
    Entry& directory = done.directory;
    const Contents& contents = contents_[directory.inode];
    const Digest digest = done.digester.finish(groups_of(directory.inode));
    const auto complain = [&](const std::string& what) { broken_(path_of(directory), what); };
    if (directory.node.size_bytes != contents.entries)
      complain(str("its size is ", directory.node.size_bytes, ", but it has ", contents.entries, " entries"));
    if (directory.nlink != contents.directories + 2)
      complain(str("its link count is ", directory.nlink, ", but it has ", contents.directories, " directories"));
    const bool as_claimed = digest == directory.node.digest;
    if (!as_claimed && done.sound) complain("its directory digest is not that of its entries");
    if (stack_.empty()) return digest;
    Frame& above = stack_.back();
    above.sound = above.sound && as_claimed;
    directory.node.digest = digest;
    --above.missing;
    above.digester.add(directory.name, directory.node);
    return digest;
  }

  std::vector<std::vector<Bytes>> groups_of(InodeNumber directory) {
    std::vector<std::vector<Bytes>> groups;
    const auto recorded = recorded_.find(directory);
    if (recorded == recorded_.end()) return groups;
    for (const InodeNumber inode : recorded->second) {
      groups.emplace_back();
      for (const auto& [parent, name] : links_[inode].names)
        groups.back().push_back(relative_path(directory, parent, name));
    }
    return groups;
  }

  Bytes relative_path(InodeNumber top, InodeNumber parent, ByteView name) {
    std::vector<ByteView> names{name};
    for (InodeNumber next = parent; next != top; next = directories_[next].parent)
      names.push_back(directories_[next].name);
    Bytes path;
    for (auto part = names.rbegin(); part != names.rend(); ++part) path = join_path(path, *part);
    return path;
  }

  Catalog& catalog_;
  ObjectReader& objects_;
  const Broken& broken_;
  std::unique_ptr<CatalogPages> pages_;
  std::unique_ptr<Database> database_;

  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
  std::vector<InodeNumber> parents_;
  std::unordered_map<InodeNumber, Directory> directories_;
  std::unordered_map<InodeNumber, Contents> contents_;
  std::vector<InodeNumber> single_;  // of all names with a link count of 1
  std::unordered_map<InodeNumber, Link> links_;
  std::unordered_set<InodeNumber> with_slices_;
  std::unordered_map<InodeNumber, std::vector<InodeNumber>> recorded_;  // by directory
  std::vector<Frame> stack_;
  std::unordered_set<InodeNumber> walked_;
};

}  // namespace

Result<Digest> check_catalog(Catalog& catalog, ObjectReader& objects, const Broken& broken) {
  return Checker(catalog, objects, broken).run();
}

}  // namespace granary
