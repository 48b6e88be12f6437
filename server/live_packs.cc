#include "server/live_packs.h"

#include <algorithm>

#include "server/packer.h"

namespace granary {

namespace {
// In the content index: P branch → catalog, then each pack's id, live bytes and size.
Bytes key_of(const std::string& branch) { return "P" + branch; }
}  // namespace

ObjectId LivePacks::pack_of(uint64_t size_bytes, const std::vector<Slice>& slices) {
  return size_bytes < kLargeFileBytes && slices.size() == 1 ? slices[0].object : ObjectId();
}

Result<LivePacks> LivePacks::load(ContentIndex& index, const std::string& branch, Catalog* base) {
  LivePacks live(index, branch);
  if (base == nullptr) return live;
  const Bytes kept = index.get(key_of(branch)).value_or(Bytes());
  ByteReader in(kept);
  if (in.bytes(Digest::kSizeBytes) == base->id().raw()) {
    while (in.ok() && !in.at_end()) {
      const auto id = Digest::from_raw(in.bytes(Digest::kSizeBytes));
      Pack pack;
      pack.live_bytes = in.varint();
      pack.size_bytes = in.varint();
      if (id && in.ok()) live.packs_.emplace(*id, pack);
    }
    if (in.ok()) return live;
    live.packs_.clear();
  }
  TRY(base->scan([&](Entry&& entry) {
    if (entry.node.is_file()) live.add(entry.slices, entry.node.size_bytes);
    return true;
  }));
  return live;
}

Status LivePacks::save(const CatalogId& catalog) {
  ByteWriter out;
  out.bytes(catalog.raw());
  for (const auto& [id, pack] : packs_) {
    if (pack.live_bytes > 0) out.bytes(id.raw()).varint(pack.live_bytes).varint(pack.size_bytes);
  }
  return index_->put(key_of(branch_), out.view());
}

void LivePacks::add(const std::vector<Slice>& slices, uint64_t size_bytes) {
  const ObjectId id = pack_of(size_bytes, slices);
  if (id.is_none()) return;
  Pack& pack = packs_[id];
  pack.live_bytes += slices[0].length_bytes;
  pack.size_bytes = std::max(pack.size_bytes, slices[0].offset_bytes + slices[0].length_bytes);
}

void LivePacks::take_away(const std::vector<Slice>& slices, uint64_t size_bytes) {
  const auto found = packs_.find(pack_of(size_bytes, slices));
  if (found != packs_.end()) found->second.live_bytes -= std::min(found->second.live_bytes, slices[0].length_bytes);
}

void LivePacks::move(const std::vector<Slice>& from, const std::vector<Slice>& to) {
  uint64_t size_bytes = 0;
  for (const Slice& slice : from) size_bytes += slice.length_bytes;
  take_away(from, size_bytes);
  add(to, size_bytes);
}

Status LivePacks::apply(const ChangeSet& changes, Catalog* base) {
  for (const Change& change : changes.changes) {
    if (base != nullptr) {
      const auto before = base->resolve(change.path);
      if (!before && before.error().code != Code::kNotFound) return before.error();
      const bool stays =
          before && before->node.is_directory() && change.kind == Change::Kind::kPut && change.node.is_directory();
      if (before && !stays) TRY(take_away_below(*before, *base));
    }
    if (change.kind == Change::Kind::kPut && change.node.is_file()) add(change.slices, change.node.size_bytes);
  }
  return Done{};
}

Status LivePacks::take_away_below(const Entry& entry, Catalog& base) {
  if (entry.node.is_file()) take_away(entry.slices, entry.node.size_bytes);
  if (!entry.node.is_directory()) return Done{};
  std::vector<Entry> children;
  TRY(base.list(entry.inode, {}, [&](Entry&& child) {
    children.push_back(std::move(child));
    return true;
  }));
  for (const Entry& child : children) TRY(take_away_below(child, base));
  return Done{};
}

}  // namespace granary
