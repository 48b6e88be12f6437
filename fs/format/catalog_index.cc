#include "fs/format/catalog_index.h"

#include <algorithm>
#include <cassert>

namespace granary {

namespace {
constexpr ByteView kIndexMagic = "GRNC";
constexpr ByteView kLeafMagic = "GRNI";
constexpr uint8_t kVersion = 1;

Error corrupt(const std::string& why) { return {Code::kCorrupt, "not a sound catalog index: " + why}; }

uint64_t divide_up(uint64_t count, uint64_t by) { return count / by + (count % by != 0); }

uint64_t reference_count(uint64_t page_count) {
  const uint64_t groups = group_count(page_count);
  return groups <= kGroupsPerLeaf ? groups : divide_up(groups, kGroupsPerLeaf);
}

Result<std::vector<ObjectId>> read_digests(ByteReader& in, uint64_t expected_count) {
  const uint32_t count = in.u32();
  if (!in.ok() || count != expected_count)
    return corrupt(str("it names ", count, " objects instead of ", expected_count));
  std::vector<ObjectId> ids;
  ids.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    const ByteView raw = in.bytes(Digest::kSizeBytes);
    if (!in.ok()) return corrupt("it is cut short");
    ids.push_back(TRY(Digest::from_raw(raw)));
  }
  return ids;
}

Result<std::vector<InlinedPage>> read_inlined(ByteReader& in, uint64_t page_count) {
  const uint32_t count = in.u32();
  if (count > kMaxInlinedPages) return corrupt(str("it holds ", count, " pages"));
  std::vector<InlinedPage> pages;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t number = in.u32();
    const ByteView bytes = in.bytes(kPageBytes);
    if (!in.ok()) return corrupt("it is cut short");
    const bool ascending = number > (pages.empty() ? 0 : pages.back().number);
    if (!ascending || number > page_count) return corrupt(str("page ", number, " is out of order"));
    pages.push_back({number, bytes});
  }
  return pages;
}
}  // namespace

uint64_t group_count(uint64_t page_count) { return divide_up(page_count, kPagesPerGroup); }

size_t group_size_bytes(uint64_t page_count, uint64_t group) {
  const uint64_t first = group * kPagesPerGroup;
  return size_t{kPageBytes} * std::min<uint64_t>(kPagesPerGroup, page_count - first);
}

Bytes encode_catalog_index(const CatalogIndex& index) {
  assert(index.references.size() == reference_count(index.page_count) && index.inlined.size() <= kMaxInlinedPages);
  ByteWriter out;
  out.bytes(kIndexMagic).u8(kVersion).u8(index.has_leaves() ? 2 : 1).u16(0);
  out.u32(kPageBytes).u32(kPagesPerGroup).u64(index.page_count);
  out.u32(static_cast<uint32_t>(index.references.size()));
  for (const ObjectId& id : index.references) out.bytes(id.raw());
  out.u32(static_cast<uint32_t>(index.inlined.size()));
  for (const InlinedPage& page : index.inlined) out.u32(page.number).bytes(page.bytes);
  return out.take();
}

Result<CatalogIndex> decode_catalog_index(ByteView object) {
  ByteReader in(object);
  const ByteView magic = in.bytes(kIndexMagic.size());
  const uint8_t version = in.u8();
  const uint8_t levels = in.u8();
  const uint16_t reserved = in.u16();
  const uint32_t page_bytes = in.u32();
  const uint32_t pages_per_group = in.u32();
  CatalogIndex index;
  index.page_count = in.u64();
  if (magic != kIndexMagic) return corrupt("no index header");
  if (version != kVersion)
    return Error{Code::kUnsupported, str("catalog index version ", int{version}, " needs a newer Granary")};
  if (!in.ok()) return corrupt("it is cut short");
  if (reserved != 0 || page_bytes != kPageBytes || pages_per_group != kPagesPerGroup) return corrupt("bad header");
  if (index.page_count == 0 || index.page_count > kMaxPages)
    return corrupt(str("it claims ", index.page_count, " pages"));
  if (levels != (index.has_leaves() ? 2 : 1)) return corrupt(str("it has ", int{levels}, " levels"));
  index.references = TRY(read_digests(in, reference_count(index.page_count)));
  index.inlined = TRY(read_inlined(in, index.page_count));
  if (!in.ok() || !in.at_end()) return corrupt("bytes after its end");
  return index;
}

Bytes encode_index_leaf(const std::vector<ObjectId>& groups) {
  assert(!groups.empty() && groups.size() <= kGroupsPerLeaf);
  ByteWriter out;
  out.bytes(kLeafMagic).u8(kVersion).u8(0).u16(0).u32(static_cast<uint32_t>(groups.size()));
  for (const ObjectId& id : groups) out.bytes(id.raw());
  return out.take();
}

Result<std::vector<ObjectId>> decode_index_leaf(ByteView object, uint64_t expected_count) {
  ByteReader in(object);
  const ByteView magic = in.bytes(kLeafMagic.size());
  const uint8_t version = in.u8();
  const bool reserved = in.u8() != 0 || in.u16() != 0;
  if (magic != kLeafMagic) return corrupt("no leaf header");
  if (version != kVersion)
    return Error{Code::kUnsupported, str("index leaf version ", int{version}, " needs a newer Granary")};
  if (reserved) return corrupt("bad leaf header");
  std::vector<ObjectId> groups = TRY(read_digests(in, expected_count));
  if (!in.at_end()) return corrupt("bytes after a leaf's end");
  return groups;
}

}  // namespace granary
