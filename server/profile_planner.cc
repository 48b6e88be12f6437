// The trace is acted out on the catalog: what the reader fetches of it then, a client will need too, at that moment.
// A file that is not at its path any more may have moved. Catalogs are not ordered by content, so finding it takes a
// scan of all rows: done once, and only for catalogs of moderate size.
#include "server/profile_planner.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "fs/format/noting_reader.h"
#include "fs/format/page_source.h"

namespace granary {

namespace {
// A directory of more entries was hardly read as a whole: its first ones are taken.
constexpr size_t kMostListed = 16'384;
constexpr uint64_t kMostScanned = 500'000;  // entries; 0.2 µs each

class Planner {
 public:
  Planner(const Trace& trace, const CatalogId& id, ObjectStore& store)
      : trace_(trace), id_(id), store_(store), objects_(store), noting_(objects_) {}

  Result<PlannedProfile> run() {
    TRY(open());
    for (const Touch& touch : trace_.touches) {
      const bool is_kept = TRY(touch.kind == Touch::Kind::kDirectory ? plan_directory(touch) : plan_file(touch));
      ++out_.touches;
      if (is_kept) ++out_.kept;
      TRY(check_bounds());
    }
    if (out_.kept == 0)
      return Error{Code::kInvalid,
                   str("nothing of what the trace touched is left: none of its ", out_.touches,
                       " files and directories is in the snapshot as it was; record it anew, on this snapshot")};
    return std::move(out_);
  }

 private:
  // A small catalog is fetched whole, on several threads: noted in its own order, so that equal traces give equal
  // plans.
  Status open() {
    catalog_ = TRY(Catalog::open(id_, noting_));
    std::unordered_map<ObjectId, uint64_t> read;
    for (const auto& noted : noting_.take()) read.emplace(noted.id, noted.size_bytes);
    const auto pages = TRY(CatalogPages::open(id_, objects_));
    for (const ObjectId& id : TRY(pages->own_objects())) {
      if (const auto found = read.find(id); found != read.end()) add(id, found->second);
    }
    return Done{};
  }

  void add(const ObjectId& id, uint64_t size_bytes) {
    if (size_bytes > 0 && planned_.insert(id).second)
      out_.plan.objects.push_back({id, static_cast<uint32_t>(size_bytes)});
  }
  // The parts of the catalog that were needed until now.
  void add_noted() {
    for (const auto& noted : noting_.take()) add(noted.id, noted.size_bytes);
  }
  // Objects of files are not read: their size stands in the header.
  Status add_data(const ObjectId& id) {
    if (planned_.contains(id)) return Done{};
    const Bytes file = TRY_WITHIN(str("object ", id.brief()), store_.get(id));
    const ObjectHeader header = TRY_WITHIN(str("object ", id.brief()), read_object_header(file));
    add(id, header.plain_size_bytes);
    return check_bounds();
  }

  Status check_bounds() const {
    if (out_.plan.objects.size() <= kMaxPlannedObjects) return Done{};
    return Error{Code::kInvalid, str("what the trace touched lies in more than ", kMaxPlannedObjects,
                                     " objects, too many for a profile: record a shorter run")};
  }

  // Nothing when there is none any more.
  Result<std::optional<Entry>> find(ByteView path) {
    auto entry = catalog_->resolve(path);
    if (!entry && entry.error().code == Code::kNotFound) return std::optional<Entry>();
    return std::optional<Entry>(TRY(std::move(entry)));
  }

  Result<bool> plan_directory(const Touch& touch) {
    const std::optional<Entry> entry = TRY(find(touch.path));
    const bool is_kept = entry && entry->node.is_directory();
    size_t listed = 0;
    if (is_kept) TRY(catalog_->list(entry->inode, {}, [&](Entry&&) { return ++listed < kMostListed; }));
    add_noted();
    return is_kept;
  }

  Result<bool> plan_file(const Touch& touch) {
    std::optional<Entry> entry = TRY(find(touch.path));
    const bool is_in_place = entry && entry->node.is_file() && entry->node.digest == touch.content;
    if (!is_in_place) entry = TRY(find_moved(touch.content));
    add_noted();
    if (!entry) return false;
    if (!is_in_place) ++out_.moved;
    for (const ByteRange& range : touch.ranges) {
      const auto slices = TRY(catalog_->slices(*entry, range.offset_bytes, range.length_bytes));
      add_noted();  // a file of many slices has them in a table of their own
      for (const auto& placed : slices) {
        if (!placed.slice.is_hole()) TRY(add_data(placed.slice.object));
      }
    }
    return true;
  }

  Result<std::optional<Entry>> find_moved(const Digest& content) {
    if (!scanned_) TRY(scan());
    const auto found = by_content_.find(content);
    if (found == by_content_.end() || !found->second.inode) return std::optional<Entry>();
    return std::optional<Entry>(TRY(catalog_->lookup(found->second.parent, found->second.name)));
  }

  // Where each content of the trace lies in the catalog, as far as one may look; not noted.
  Status scan() {
    scanned_ = true;
    for (const Touch& touch : trace_.touches) {
      if (touch.kind == Touch::Kind::kFile && !touch.ranges.empty()) by_content_.try_emplace(touch.content);
    }
    const auto catalog = TRY(Catalog::open(id_, objects_));
    if (TRY(catalog->entry_count()) > kMostScanned) return Done{};
    return catalog->scan([&](Entry&& entry) {
      const auto found = entry.node.is_file() ? by_content_.find(entry.node.digest) : by_content_.end();
      if (found != by_content_.end() && found->second.inode == 0)
        found->second = {entry.parent, entry.inode, std::move(entry.name)};
      return true;
    });
  }

  struct Place {
    InodeNumber parent = 0;
    InodeNumber inode = 0;  // 0: not found
    Bytes name;
  };

  const Trace& trace_;
  const CatalogId id_;
  ObjectStore& store_;
  StoreReader objects_;
  NotingReader noting_;
  std::unique_ptr<Catalog> catalog_;
  PlannedProfile out_;
  std::unordered_set<ObjectId> planned_;
  bool scanned_ = false;
  std::unordered_map<Digest, Place> by_content_;
};
}  // namespace

Result<PlannedProfile> make_plan(const Trace& trace, const CatalogId& catalog, ObjectStore& store) {
  return Planner(trace, catalog, store).run();
}

}  // namespace granary
