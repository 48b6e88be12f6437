#include "server/catalog_editor.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "fs/format/tree_digest.h"
#include "server/catalog_tables.h"
#include "server/catalog_writer.h"
#include "server/directory_places.h"
#include "server/page_overlay.h"

// How a change set becomes rows, and what is put off until `finish`:
//  - The changes come in path order, so a stack of directories follows them through the tree; only names that may
//    exist are looked up. Removals and replacements happen at once. Rows under new names wait until the walk is over,
//    and go in sorted by (parent, name): the order of the table.
//  - A directory whose rows changed is dirty. A non-directory whose inode may have gained or lost names is touched.
//  - `finish` settles touched inodes (link counts, link groups, slices and totals: base against now), then digests
//    dirty directories from the deepest up, each once, stopping where a digest turns out the same.

namespace granary {

namespace {

bool same_content(const Node& a, const Node& b) {
  return a.type == b.type && a.size_bytes == b.size_bytes && a.digest == b.digest && a.target == b.target &&
         a.device_major == b.device_major && a.device_minor == b.device_minor;
}

// A directory's own metadata, without what follows from its contents.
bool same_metadata(const Node& a, const Node& b) {
  return std::tie(a.type, a.mode, a.uid, a.gid, a.mtime, a.mtime_ns, a.xattrs) ==
         std::tie(b.type, b.mode, b.uid, b.gid, b.mtime, b.mtime_ns, b.xattrs);
}

ByteView last_component(ByteView path) { return path.substr(path.rfind('/') + 1); }

Error refuse(const Change& change, const std::string& why) {
  const char* what = change.kind == Change::Kind::kPut ? "put" : "remove";
  return {Code::kInvalid, str("cannot ", what, " \"", printable(change.path), "\": ", why)};
}

Status check_slices(const std::vector<Slice>& slices, uint64_t size_bytes) {
  uint64_t covered_bytes = 0;
  for (const Slice& slice : slices) {
    const bool inside_object = slice.is_hole() ? slice.offset_bytes == 0
                                               : slice.offset_bytes <= kMaxObjectBytes &&
                                                     slice.length_bytes <= kMaxObjectBytes - slice.offset_bytes;
    if (slice.length_bytes == 0 || !inside_object || slice.length_bytes > size_bytes - covered_bytes)
      return Error{Code::kInvalid, "its slices are not within the format's limits"};
    covered_bytes += slice.length_bytes;
  }
  if (covered_bytes != size_bytes)
    return Error{Code::kInvalid, str("its slices cover ", covered_bytes, " of ", size_bytes, " bytes")};
  return Done{};
}

Status check_put(const Change& change) {
  const Node& node = change.node;
  if (const Status sound = check_node(node); !sound) return refuse(change, sound.error().message);
  if (!node.xattrs.empty() && encode_xattrs(node.xattrs).size() > kMaxRowValueBytes)
    return Error{Code::kUnsupported, refuse(change, "its xattrs are larger than 8 MiB together").message};
  if (change.path.empty()) return node.is_directory() ? Status(Done{}) : refuse(change, "the root must be a directory");
  if (const Status named = check_name(last_component(change.path)); !named)
    return refuse(change, named.error().message);
  const bool slices_stay = change.slices.empty() && change.keep_inode != 0;
  if (!node.is_file() && !change.slices.empty()) return refuse(change, "only files have slices");
  if (!node.is_file() || slices_stay) return Done{};
  if (const Status sound = check_slices(change.slices, node.size_bytes); !sound)
    return refuse(change, sound.error().message);
  return Done{};
}

Status check_changes(const std::vector<Change>& changes) {
  for (size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    if (i > 0 && !path_less(changes[i - 1].path, change.path))
      return refuse(change, "the change set is not in path order, or names it twice");
    if (change.kind == Change::Kind::kPut) TRY(check_put(change));
    if (change.kind == Change::Kind::kRemove && change.path.empty()) return refuse(change, "the root stays");
  }
  return Done{};
}

using Place = std::pair<InodeNumber, Bytes>;  // a name in its directory

std::set<Place> places_of(const std::vector<Entry>& names) {
  std::set<Place> places;
  for (const Entry& entry : names) places.emplace(entry.parent, entry.name);
  return places;
}

class Editor : public CatalogEditor {
 public:
  Editor(ObjectReader& objects, InodeNumber next_inode)
      : objects_(objects), first_new_(next_inode), next_inode_(next_inode) {}

  Status start(const std::optional<CatalogId>& base, const std::string& scratch);

  Status apply(const ChangeSet& changes) override;
  Status replace_slices(InodeNumber inode, const std::vector<Slice>& slices) override;
  Result<Finished> finish(ObjectWriter& writer) override;

 private:
  // A directory on the way to the current change.
  struct Level {
    ByteView path;
    InodeNumber inode;
    bool is_directory;
    bool fresh;  // made by this change set: it has no rows yet
  };
  // A row under a name that did not exist.
  struct Pending {
    InodeNumber parent;
    InodeNumber inode;
    const Change* change;
    bool slices_elsewhere;
    std::vector<Slice> kept_slices;  // when the change brings none
  };
  // A name that was put with an inode it keeps.
  struct Keeper {
    InodeNumber parent;
    ByteView name;
  };

  // ---- apply
  Status start_new(const std::string& scratch);
  Status start_from(const CatalogId& base, const std::string& scratch);
  Status claim_groups(const std::vector<Change>& changes);
  Status apply_one(const Change& change);
  Result<bool> descend(const Change& change);
  Status remove(const Change& change);
  Status put(const Change& change);
  Status put_root(const Change& change);
  Status put_directory(const Change& change, const std::optional<Entry>& existing);
  Status put_other(const Change& change, const std::optional<Entry>& existing);
  Status rewrite(const Change& change, const Entry& existing, InodeNumber inode, const std::optional<Entry>& source);
  Result<std::optional<Entry>> kept_entry(const Change& change, const std::optional<Entry>& existing);
  Result<InodeNumber> choose_inode(const Change& change, const std::optional<Entry>& existing,
                                   const std::optional<Entry>& kept);
  Result<InodeNumber> new_inode();
  Status set_slices(Entry& entry, const Change& change, const std::optional<Entry>& source);
  Status forget(const Entry& row);
  Status remove_contents(InodeNumber directory);
  Status insert_pending();
  Status settle_keepers();
  Status separate(InodeNumber shared, const std::vector<Keeper>& keepers);
  Status make_index();
  Result<std::vector<Entry>> names_in_base(InodeNumber inode);
  void touch(const Entry& known);
  void mark_dirty(InodeNumber directory) {
    if (removed_.count(directory) == 0) dirty_.insert(directory);
  }

  // ---- finish
  Status settle(InodeNumber inode);
  Status settle_names(std::vector<Entry>& names);
  Result<InodeNumber> recorder_of(const std::vector<Entry>& names);
  Status digest_directories();
  Result<bool> digest_directory(InodeNumber directory);
  Result<std::vector<std::vector<Bytes>>> group_paths(InodeNumber directory);
  Status set_property(ByteView name, uint64_t value);
  Result<Entry> find_directory(InodeNumber inode);

  ObjectReader& objects_;
  std::optional<CatalogId> base_id_;
  std::unique_ptr<Catalog> base_;             // the tree as it was
  std::unique_ptr<CatalogPages> base_pages_;  // and its pages, below the changed ones
  std::unique_ptr<PageOverlay> pages_;
  std::unique_ptr<Database> database_;
  std::optional<CatalogTables> tables_;
  bool indexed_ = true;
  DirectoryPlaces places_{[this](InodeNumber directory) { return find_directory(directory); }};

  const InodeNumber first_new_;
  InodeNumber next_inode_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;  // of all but touched inodes, until they are settled

  std::vector<Level> stack_;
  std::vector<Pending> pending_;
  std::map<InodeNumber, std::vector<Keeper>> keepers_;     // by the inode they keep
  std::unordered_map<uint64_t, InodeNumber> group_inode_;  // by Change::link_group
  std::unordered_set<InodeNumber> claimed_;                // kept inodes that have found their owner in this change set
  std::unordered_set<InodeNumber> sliced_;                 // inodes of this change set whose slice rows are written

  std::unordered_set<InodeNumber> touched_;
  std::unordered_set<InodeNumber> dirty_;
  std::unordered_set<InodeNumber> removed_;  // directories
};

// ---- opening

Status Editor::start(const std::optional<CatalogId>& base, const std::string& scratch) {
  if (next_inode_ < kFirstFreeInode || next_inode_ > kMaxInode)
    return Error{Code::kInvalid, str("bad next inode number ", next_inode_)};
  return base ? start_from(*base, scratch) : start_new(scratch);
}

Status Editor::start_new(const std::string& scratch) {
  pages_ = TRY(PageOverlay::open(nullptr, scratch));
  database_ = TRY(Database::create(*pages_, "new catalog"));
  tables_.emplace(*database_);
  TRY(tables_->create());
  indexed_ = false;
  Entry root;
  root.inode = kRootInode;
  root.nlink = 2;
  root.node.type = NodeType::kDirectory;
  root.node.mode = 0755;
  TRY(tables_->insert(root));
  entries_ = 1;
  mark_dirty(kRootInode);
  return Done{};
}

Status Editor::start_from(const CatalogId& base, const std::string& scratch) {
  base_id_ = base;
  base_ = TRY(Catalog::open(base, objects_));
  base_pages_ = TRY(CatalogPages::open(base, objects_));
  pages_ = TRY(PageOverlay::open(base_pages_.get(), scratch));
  database_ = TRY(Database::open(*pages_, "catalog " + base.brief()));
  tables_.emplace(*database_);
  entries_ = TRY(base_->entry_count());
  bytes_ = TRY(base_->total_bytes());
  if (const InodeNumber highest = TRY(tables_->highest_inode()); highest >= next_inode_)
    return Error{Code::kInvalid, str("inode number ", highest, " is in use; ", next_inode_, " is not the next")};
  return Done{};
}

Status Editor::make_index() {
  if (std::exchange(indexed_, true)) return Done{};
  database_->allow_long_steps();
  return tables_->create_index();
}

Result<InodeNumber> Editor::new_inode() {
  if (next_inode_ > kMaxInode) return Error{Code::kUnsupported, "the repository has run out of inode numbers"};
  return next_inode_++;
}

Result<Entry> Editor::find_directory(InodeNumber inode) {
  TRY(make_index());
  std::vector<Entry> names = TRY(tables_->names_of(inode));
  if (!names.empty()) return std::move(names.front());
  if (base_) return base_->by_inode(inode);
  return Error{Code::kCorrupt, str("the catalog has no directory ", inode)};
}

Result<std::vector<Entry>> Editor::names_in_base(InodeNumber inode) {
  if (!base_ || inode >= first_new_) return std::vector<Entry>{};
  return base_->names_of(inode);
}

// ---- apply

Status Editor::apply(const ChangeSet& changes) {
  TRY(check_changes(changes.changes));
  stack_ = {Level{{}, kRootInode, true, false}};
  pending_.clear();
  keepers_.clear();
  group_inode_.clear();
  claimed_.clear();
  sliced_.clear();
  TRY(claim_groups(changes.changes));
  for (const Change& change : changes.changes) TRY(apply_one(change));
  TRY(insert_pending());
  TRY(make_index());
  return settle_keepers();
}

// A group keeps the first number that one of its members has; groups are served before names that stand alone.
Status Editor::claim_groups(const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    const bool asks = change.kind == Change::Kind::kPut && change.link_group != 0 && change.keep_inode != 0;
    if (!asks || change.node.is_directory() || group_inode_.count(change.link_group) != 0) continue;
    if (!claimed_.insert(change.keep_inode).second) continue;
    touch(*TRY(kept_entry(change, std::nullopt)));
    group_inode_[change.link_group] = change.keep_inode;
  }
  return Done{};
}

Status Editor::apply_one(const Change& change) {
  if (change.path.empty()) return put_root(change);
  const bool reachable = TRY(descend(change));
  if (!reachable && change.kind == Change::Kind::kRemove) return Done{};  // it went with its directory
  if (!reachable) return refuse(change, "its directory does not exist, or is none");
  return change.kind == Change::Kind::kRemove ? remove(change) : put(change);
}

// Makes the stack's top the directory that holds the change's path; false when there is none.
Result<bool> Editor::descend(const Change& change) {
  const ByteView path = change.path;
  const auto holds = [&](const Level& level) { return path != level.path && is_at_or_below(path, level.path); };
  while (!holds(stack_.back())) stack_.pop_back();
  while (true) {
    const Level top = stack_.back();
    if (!top.is_directory) return false;
    const size_t begin = top.path.empty() ? 0 : top.path.size() + 1;
    const size_t slash = path.find('/', begin);
    if (slash == ByteView::npos) return true;
    if (top.fresh) return false;
    const auto next = TRY(tables_->find(top.inode, path.substr(begin, slash - begin)));
    if (!next) return false;
    stack_.push_back({path.substr(0, slash), next->inode, next->node.is_directory(), false});
  }
}

void Editor::touch(const Entry& known) {
  const bool first = touched_.insert(known.inode).second;
  if (first && known.node.is_file()) bytes_ -= known.node.size_bytes;  // counted again when settled
}

// A row is about to go or to become another inode's.
Status Editor::forget(const Entry& row) {
  mark_dirty(row.parent);
  if (!row.node.is_directory()) {
    touch(row);
    return Done{};
  }
  TRY(remove_contents(row.inode));
  return Done{};
}

Status Editor::remove_contents(InodeNumber directory) {
  std::vector<InodeNumber> waiting{directory};
  while (!waiting.empty()) {
    const InodeNumber next = waiting.back();
    waiting.pop_back();
    TRY(tables_->each_child(next, [&](Entry&& row) {
      --entries_;
      row.node.is_directory() ? waiting.push_back(row.inode) : touch(row);
    }));
    TRY(tables_->remove_children(next));
    TRY(tables_->remove_groups_of(next));
    dirty_.erase(next);
    removed_.insert(next);
  }
  return Done{};
}

Status Editor::remove(const Change& change) {
  const Level& top = stack_.back();
  if (top.fresh) return Done{};
  const auto existing = TRY(tables_->find(top.inode, last_component(change.path)));
  if (!existing) return Done{};
  TRY(forget(*existing));
  --entries_;
  return tables_->remove(existing->parent, existing->name);
}

Status Editor::put_root(const Change& change) {
  Entry root = *TRY(tables_->find(0, {}));
  if (same_metadata(root.node, change.node)) return Done{};
  Node node = change.node;
  node.size_bytes = root.node.size_bytes;
  node.digest = root.node.digest;
  root.node = std::move(node);
  return tables_->update(root);
}

Status Editor::put(const Change& change) {
  std::optional<Entry> existing;
  if (!stack_.back().fresh) existing = TRY(tables_->find(stack_.back().inode, last_component(change.path)));
  return change.node.is_directory() ? put_directory(change, existing) : put_other(change, existing);
}

Status Editor::put_directory(const Change& change, const std::optional<Entry>& existing) {
  const InodeNumber parent = stack_.back().inode;
  if (existing && existing->node.is_directory()) {
    stack_.push_back({change.path, existing->inode, true, false});
    if (same_metadata(existing->node, change.node)) return Done{};
    Entry entry = *existing;
    entry.node = change.node;
    entry.node.size_bytes = existing->node.size_bytes;
    entry.node.digest = existing->node.digest;
    mark_dirty(parent);
    return tables_->update(entry);
  }
  const InodeNumber inode = TRY(new_inode());
  stack_.push_back({change.path, inode, true, true});
  places_.add(inode, parent, last_component(change.path));
  mark_dirty(inode);
  if (existing) return rewrite(change, *existing, inode, std::nullopt);
  pending_.push_back({parent, inode, &change, false, {}});
  return Done{};
}

Status Editor::put_other(const Change& change, const std::optional<Entry>& existing) {
  const InodeNumber parent = stack_.back().inode;
  const auto kept = TRY(kept_entry(change, existing));
  const InodeNumber inode = TRY(choose_inode(change, existing, kept));
  stack_.push_back({change.path, inode, false, false});
  if (existing) return rewrite(change, *existing, inode, kept);
  Entry entry;
  entry.inode = inode;
  TRY(set_slices(entry, change, kept));
  if (!change.slices.empty()) entry.slices.clear();
  pending_.push_back({parent, inode, &change, entry.slices_elsewhere, std::move(entry.slices)});
  return Done{};
}

// The row whose inode number the change wants to keep. kInvalid when its content is another.
Result<std::optional<Entry>> Editor::kept_entry(const Change& change, const std::optional<Entry>& existing) {
  if (change.keep_inode == 0) return std::optional<Entry>{};
  if (existing && existing->inode == change.keep_inode && same_content(existing->node, change.node)) return existing;
  std::vector<Entry> names = TRY(names_in_base(change.keep_inode));
  if (names.empty()) {
    TRY(make_index());
    names = TRY(tables_->names_of(change.keep_inode));
  }
  if (names.empty() || !same_content(names.front().node, change.node))
    return refuse(change, str("inode ", change.keep_inode, " does not have this content"));
  return std::optional<Entry>(std::move(names.front()));
}

Result<InodeNumber> Editor::choose_inode(const Change& change, const std::optional<Entry>& existing,
                                         const std::optional<Entry>& kept) {
  const Keeper keeper{stack_.back().inode, last_component(change.path)};
  if (change.link_group != 0) {
    auto& inode = group_inode_[change.link_group];
    if (inode == 0) inode = TRY(new_inode());
    touched_.insert(inode);
    if (claimed_.count(inode) != 0) keepers_[inode].push_back(keeper);
    return inode;
  }
  if (!kept || !claimed_.insert(kept->inode).second) return new_inode();
  const bool certainly_alone = existing && existing->inode == kept->inode && existing->nlink == 1 &&
                               kept->inode < first_new_ && touched_.count(kept->inode) == 0;
  if (certainly_alone) return kept->inode;
  touch(*kept);
  keepers_[kept->inode].push_back(keeper);
  return kept->inode;
}

// Gives a row its slices: inline when they are few, else as rows of their own. `source`: a row with the same content,
// whose slices stay when the change brings none.
Status Editor::set_slices(Entry& entry, const Change& change, const std::optional<Entry>& source) {
  entry.slices = change.slices;
  entry.slices_elsewhere = false;
  if (!change.node.is_file() || change.node.size_bytes == 0) return Done{};
  const bool same_inode = source && source->inode == entry.inode;
  if (change.slices.empty() && source) {
    entry.slices = source->slices;
    entry.slices_elsewhere = source->slices_elsewhere;
    if (!source->slices_elsewhere || same_inode) return Done{};
    entry.slices = TRY(tables_->slices_of(source->inode));
  }
  const bool may_have_rows = entry.inode < first_new_ || touched_.count(entry.inode) != 0;
  const bool rows_stand = may_have_rows && !sliced_.insert(entry.inode).second;
  if (may_have_rows && !rows_stand) TRY(tables_->remove_slices(entry.inode));
  entry.slices_elsewhere = entry.slices.size() > kMaxInlineSlices;
  if (!entry.slices_elsewhere) return Done{};
  if (!rows_stand) TRY(tables_->put_slices(entry.inode, entry.slices));
  entry.slices.clear();
  return Done{};
}

// Puts a change in the place of a row that exists.
Status Editor::rewrite(const Change& change, const Entry& existing, InodeNumber inode,
                       const std::optional<Entry>& source) {
  Entry entry;
  entry.parent = existing.parent;
  entry.name = existing.name;
  entry.inode = inode;
  entry.node = change.node;
  entry.nlink = change.node.is_directory() ? 2 : existing.nlink;
  if (change.node.is_directory()) {
    entry.node.size_bytes = 0;
    entry.node.digest = {};
  }
  if (existing.inode != inode) {
    TRY(forget(existing));
    TRY(set_slices(entry, change, source));
    entry.nlink = change.node.is_directory() ? 2 : 1;
    if (touched_.count(inode) == 0 && entry.node.is_file()) bytes_ += entry.node.size_bytes;
    return tables_->replace(entry);
  }
  const bool same_slices =
      change.slices.empty() ||
      change.slices == (existing.slices_elsewhere ? TRY(tables_->slices_of(inode)) : existing.slices);
  if (same_slices && existing.node == change.node) return Done{};
  if (existing.node != change.node) mark_dirty(existing.parent);
  if (same_slices) {
    entry.slices = existing.slices;
    entry.slices_elsewhere = existing.slices_elsewhere;
  } else {
    TRY(set_slices(entry, change, source));
  }
  return tables_->update(entry);
}

Status Editor::insert_pending() {
  std::stable_sort(pending_.begin(), pending_.end(),
                   [](const Pending& a, const Pending& b) { return a.parent < b.parent; });
  Entry entry;
  for (const Pending& next : pending_) {
    const Change& change = *next.change;
    entry.parent = next.parent;
    entry.name = last_component(change.path);
    entry.inode = next.inode;
    entry.node = change.node;
    entry.nlink = change.node.is_directory() ? 2 : 1;
    entry.slices_elsewhere = next.slices_elsewhere;
    entry.slices.clear();
    if (change.node.is_directory()) {
      entry.node.size_bytes = 0;
      entry.node.digest = {};
    } else if (change.node.is_file() && !next.slices_elsewhere) {
      entry.slices = next.kept_slices.empty() ? change.slices : next.kept_slices;
    }
    if (change.node.is_file() && touched_.count(next.inode) == 0) bytes_ += change.node.size_bytes;
    TRY_WITHIN(str("cannot put \"", printable(change.path), "\""), tables_->insert(entry));
    ++entries_;
    mark_dirty(next.parent);
  }
  pending_.clear();
  pending_.shrink_to_fit();
  return Done{};
}

// Names that keep an inode which turns out to have yet other names are no part of that group: they get a new one.
Status Editor::settle_keepers() {
  for (const auto& [inode, keepers] : keepers_) {
    if (TRY(tables_->names_of(inode)).size() > keepers.size()) TRY(separate(inode, keepers));
  }
  return Done{};
}

Status Editor::separate(InodeNumber shared, const std::vector<Keeper>& keepers) {
  const InodeNumber inode = TRY(new_inode());
  touched_.insert(inode);
  bool slices_copied = false;
  for (const Keeper& keeper : keepers) {
    Entry entry = *TRY(tables_->find(keeper.parent, keeper.name));
    entry.inode = inode;
    if (entry.slices_elsewhere && !std::exchange(slices_copied, true)) {
      const std::vector<Slice> slices = TRY(tables_->slices_of(shared));
      TRY(tables_->put_slices(inode, slices));
    }
    TRY(tables_->replace(entry));
  }
  return Done{};
}

Status Editor::replace_slices(InodeNumber inode, const std::vector<Slice>& slices) {
  TRY(make_index());
  std::vector<Entry> names = TRY(tables_->names_of(inode));
  if (names.empty() || !names.front().node.is_file())
    return Error{Code::kInvalid, str("cannot replace the slices of inode ", inode, ": there is no such file")};
  TRY_WITHIN(str("cannot replace the slices of inode ", inode), check_slices(slices, names.front().node.size_bytes));
  if (names.front().slices_elsewhere) TRY(tables_->remove_slices(inode));
  const bool elsewhere = slices.size() > kMaxInlineSlices;
  if (elsewhere) TRY(tables_->put_slices(inode, slices));
  for (Entry& entry : names) {
    entry.slices_elsewhere = elsewhere;
    entry.slices = elsewhere ? std::vector<Slice>{} : slices;
    TRY(tables_->update(entry));
  }
  return Done{};
}

// ---- finish

// All names of one inode agree: in their nodes, or it is no link group; in slices and link count, because we see to it.
Status Editor::settle_names(std::vector<Entry>& names) {
  const auto nlink = static_cast<uint32_t>(names.size());
  const auto inlined = std::find_if(names.begin(), names.end(), [](const Entry& e) { return !e.slices_elsewhere; });
  const Entry model = inlined == names.end() ? names.front() : *inlined;
  bool rows_in_use = true;
  for (Entry& entry : names) {
    if (entry.node != model.node)
      return Error{Code::kInvalid, str("the names of one hard-link group differ: \"", printable(entry.name),
                                       "\" and \"", printable(model.name), "\" of inode ", entry.inode)};
    const bool same_slices = entry.slices_elsewhere == model.slices_elsewhere && entry.slices == model.slices;
    if (entry.slices_elsewhere && !model.slices_elsewhere) rows_in_use = false;
    if (same_slices && entry.nlink == nlink) continue;
    entry.nlink = nlink;
    entry.slices = model.slices;
    entry.slices_elsewhere = model.slices_elsewhere;
    TRY(tables_->update(entry));
  }
  return rows_in_use ? Status(Done{}) : tables_->remove_slices(model.inode);
}

// The directory that records a link group; 0 when it is none.
Result<InodeNumber> Editor::recorder_of(const std::vector<Entry>& names) {
  if (names.size() < 2) return InodeNumber{0};
  std::vector<InodeNumber> parents;
  for (const Entry& entry : names) parents.push_back(entry.parent);
  return places_.common_ancestor(parents);
}

Status Editor::settle(InodeNumber inode) {
  const std::vector<Entry> before = TRY(names_in_base(inode));
  std::vector<Entry> now = TRY(tables_->names_of(inode));
  if (now.empty()) {
    TRY(tables_->remove_slices(inode));
  } else {
    if (now.front().node.is_file()) bytes_ += now.front().node.size_bytes;
    TRY(settle_names(now));
  }
  if (places_of(before) == places_of(now)) return Done{};
  const InodeNumber recorder_before = TRY(recorder_of(before));
  const InodeNumber recorder_now = TRY(recorder_of(now));
  if (recorder_before != 0) {
    mark_dirty(recorder_before);
    if (recorder_before != recorder_now) TRY(tables_->remove_group(recorder_before, inode));
  }
  if (recorder_now == 0) return Done{};
  mark_dirty(recorder_now);
  return tables_->add_group(recorder_now, inode);
}

Result<std::vector<std::vector<Bytes>>> Editor::group_paths(InodeNumber directory) {
  std::vector<std::vector<Bytes>> groups;
  for (const InodeNumber inode : TRY(tables_->groups_of(directory))) {
    groups.emplace_back();
    for (const Entry& entry : TRY(tables_->names_of(inode)))
      groups.back().push_back(TRY(places_.relative_path(directory, entry.parent, entry.name)));
  }
  return groups;
}

// True when the digest became another.
Result<bool> Editor::digest_directory(InodeNumber directory) {
  const DirectoryPlaces::Place* place = TRY(places_.place_of(directory));
  Entry entry = *TRY(tables_->find(place->parent, place->name));
  const uint32_t count = TRY(tables_->count_children(directory));
  uint32_t nlink = 2;
  DirectoryDigester digester(count);
  TRY(tables_->each_child(directory, [&](Entry&& child) {
    digester.add(child.name, child.node);
    if (child.node.is_directory()) ++nlink;
  }));
  const Digest digest = digester.finish(TRY(group_paths(directory)));
  const bool changed = digest != entry.node.digest;
  if (!changed && nlink == entry.nlink && count == entry.node.size_bytes) return false;
  entry.node.digest = digest;
  entry.node.size_bytes = count;
  entry.nlink = nlink;
  TRY(tables_->update(entry));
  return changed;
}

Status Editor::digest_directories() {
  std::map<uint32_t, std::vector<InodeNumber>> by_depth;
  for (const InodeNumber directory : dirty_) {
    const uint32_t depth = TRY(places_.place_of(directory))->depth;
    by_depth[depth].push_back(directory);
  }
  dirty_.clear();
  while (!by_depth.empty()) {
    const auto deepest = std::prev(by_depth.end());
    const uint32_t depth = deepest->first;
    std::vector<InodeNumber> directories = std::move(deepest->second);
    by_depth.erase(deepest);
    std::sort(directories.begin(), directories.end());
    directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
    for (const InodeNumber directory : directories) {
      const bool changed = TRY(digest_directory(directory));
      if (changed && depth > 0) by_depth[depth - 1].push_back(TRY(places_.place_of(directory))->parent);
    }
  }
  return Done{};
}

Status Editor::set_property(ByteView name, uint64_t value) {
  if (base_ && TRY(tables_->property(name)) == value) return Done{};
  return tables_->set_property(name, value);
}

Result<CatalogEditor::Finished> Editor::finish(ObjectWriter& writer) {
  TRY(make_index());
  std::vector<InodeNumber> touched(touched_.begin(), touched_.end());
  std::sort(touched.begin(), touched.end());
  for (const InodeNumber inode : touched) TRY(settle(inode));
  touched_.clear();
  TRY(digest_directories());
  TRY(set_property("entries", entries_));
  TRY(set_property("bytes", bytes_));

  Finished finished;
  finished.tree = tree_digest(TRY(tables_->find(0, {}))->node);
  finished.entries = entries_;
  finished.bytes = bytes_;
  finished.next_inode = next_inode_;
  if (base_id_ && database_->changes() == 0) {
    finished.catalog = *base_id_;
    return finished;
  }
  TRY(database_->execute("COMMIT"));
  const std::vector<uint32_t> roots = TRY(database_->roots());
  WrittenCatalog written = TRY(write_catalog(*pages_, base_pages_.get(), base_id_, roots, writer));
  finished.catalog = written.id;
  finished.new_objects = std::move(written.new_objects);
  return finished;
}

}  // namespace

Result<std::unique_ptr<CatalogEditor>> CatalogEditor::open(const std::optional<CatalogId>& base, ObjectReader& objects,
                                                           InodeNumber next_inode, const std::string& scratch) {
  auto editor = std::make_unique<Editor>(objects, next_inode);
  TRY(editor->start(base, scratch));
  return std::unique_ptr<CatalogEditor>(std::move(editor));
}

}  // namespace granary
