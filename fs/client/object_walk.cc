#include "fs/client/object_walk.h"

#include <algorithm>

#include "fs/format/catalog_index.h"
#include "fs/format/catalog_walk.h"

namespace granary {

namespace {
constexpr uint64_t kAskEvery = 256;  // entries

// Visits the entries below `top`, itself first, depth first and by name. Directories are read by portions, so that what
// is kept grows with the depth of the tree alone.
class DepthFirst {
 public:
  DepthFirst(Catalog& catalog, const GoOn& go_on) : catalog_(catalog), go_on_(go_on) {}

  Status walk(const Entry& top, const std::function<Status(const Entry&)>& visit) {
    const uint64_t at_most = TRY(catalog_.entry_count());
    TRY(visit(top));
    if (top.node.is_directory()) open_.emplace_back(catalog_, top.inode);
    for (uint64_t visited = 0; !open_.empty(); ++visited) {
      if (visited > at_most) return Error{Code::kCorrupt, "the catalog has more entries than it says, or a loop"};
      if (visited % kAskEvery == 0 && !go_on_()) return Error{Code::kUnavailable, "stopped"};
      const Entry* const next = TRY(open_.back().current());
      if (next == nullptr) {
        open_.pop_back();
        --visited;
        continue;
      }
      const Entry entry = open_.back().take();
      TRY(visit(entry));
      if (entry.node.is_directory()) open_.emplace_back(catalog_, entry.inode);
    }
    return Done{};
  }

 private:
  Catalog& catalog_;
  const GoOn& go_on_;
  std::vector<DirectoryCursor> open_;
};
}  // namespace

Result<std::vector<WalkedObject>> walk_data(Catalog& catalog, const Entry& top, const GoOn& go_on) {
  std::vector<WalkedObject> out;
  std::unordered_map<ObjectId, size_t> places;
  TRY(DepthFirst(catalog, go_on).walk(top, [&](const Entry& entry) -> Status {
    if (!entry.node.is_file() || entry.node.size_bytes == 0) return Done{};
    for (const auto& placed : TRY(catalog.slices(entry, 0, entry.node.size_bytes))) {
      const Slice& slice = placed.slice;
      if (slice.is_hole()) continue;
      const auto [place, is_new] = places.try_emplace(slice.object, out.size());
      if (is_new) out.push_back({slice.object, 0, entry.inode});
      uint64_t& size = out[place->second].size_bytes;
      size = std::max(size, std::min<uint64_t>(slice.offset_bytes + slice.length_bytes, kMaxObjectBytes));
    }
    return Done{};
  }));
  return out;
}

Result<std::vector<WalkedObject>> walk_catalog(Catalog& catalog) {
  std::vector<WalkedObject> out;
  for (const ObjectId& id : TRY(catalog.own_objects())) out.push_back({id, kPageBytes * kPagesPerGroup, 0});
  return out;
}

Status touch_index(Catalog& catalog, const Entry& top, const GoOn& go_on) {
  for (InodeNumber above = top.inode; above != kRootInode;) above = TRY(catalog.by_inode(above)).parent;
  return DepthFirst(catalog, go_on).walk(top, [&](const Entry& entry) -> Status {
    TRY(catalog.by_inode(entry.inode));
    if (!entry.node.is_directory() && entry.nlink > 1) TRY(catalog.names_of(entry.inode));
    return Done{};
  });
}

}  // namespace granary
