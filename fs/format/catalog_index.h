// The catalog index and its leaves: which objects hold which pages of a catalog's database (docs/format.md, 6.3).
// Pure functions; safe from many threads. Everything decoded here is foreign data.
#pragma once

#include <vector>

#include "fs/format/object.h"

namespace granary {

inline constexpr uint32_t kPageBytes = 16384;
inline constexpr uint32_t kPagesPerGroup = 4;
inline constexpr uint32_t kGroupsPerLeaf = 512;
inline constexpr uint32_t kMaxLeaves = 8192;
inline constexpr uint32_t kMaxInlinedPages = 16;
inline constexpr uint64_t kMaxPages = uint64_t{kMaxLeaves} * kGroupsPerLeaf * kPagesPerGroup;

// The groups, and the bytes of one of them, in a database of so many pages.
uint64_t group_count(uint64_t page_count);
size_t group_size_bytes(uint64_t page_count, uint64_t group);

// A copy of a page that travels with the index. The bytes are borrowed from whoever made it.
struct InlinedPage {
  uint32_t number;  // from 1
  ByteView bytes;
};

struct CatalogIndex {
  uint64_t page_count = 0;
  std::vector<ObjectId> references;  // of the groups, or of leaves when `has_leaves()`
  std::vector<InlinedPage> inlined;  // ascending

  bool has_leaves() const { return group_count(page_count) > kGroupsPerLeaf; }
};

Bytes encode_catalog_index(const CatalogIndex& index);
// The inlined pages borrow from `object`.
//   kCorrupt      not an index, or its parts do not agree
//   kUnsupported  of a version newer than ours
Result<CatalogIndex> decode_catalog_index(ByteView object);

// A leaf names up to 512 groups, in order.
Bytes encode_index_leaf(const std::vector<ObjectId>& groups);
// kCorrupt unless it names exactly `expected_count` groups.
Result<std::vector<ObjectId>> decode_index_leaf(ByteView object, uint64_t expected_count);

}  // namespace granary
