#include "fs/format/catalog_index.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

CatalogIndex index_of(uint64_t page_count) {
  CatalogIndex index;
  index.page_count = page_count;
  const uint64_t groups = group_count(page_count);
  const uint64_t references = groups <= kGroupsPerLeaf ? groups : (groups + kGroupsPerLeaf - 1) / kGroupsPerLeaf;
  for (uint64_t i = 0; i < references; ++i) index.references.push_back(Digest::of(str(i)));
  return index;
}

Bytes with_byte(Bytes bytes, size_t offset, char value) {
  bytes[offset] = value;
  return bytes;
}

TEST(CatalogIndex, ComesBackWithOneLevelAndWithTwo) {
  const Bytes page(kPageBytes, 'x');
  for (const uint64_t pages : {1, 4, 5, 2048, 2049, 100'000}) {
    CatalogIndex index = index_of(pages);
    index.inlined = {{1, page}};
    const Bytes encoded = encode_catalog_index(index);
    const auto decoded = decode_catalog_index(encoded);
    ASSERT_TRUE(decoded) << pages << ": " << decoded.error().message;
    EXPECT_EQ(decoded->page_count, pages);
    EXPECT_EQ(decoded->references, index.references);
    EXPECT_EQ(decoded->has_leaves(), pages > 2048);
    EXPECT_EQ(decoded->inlined.at(0).bytes, page);
  }
}

TEST(CatalogIndex, TheLastGroupMayBeShort) {
  EXPECT_EQ(group_count(9), 3U);
  EXPECT_EQ(group_size_bytes(9, 1), 4U * kPageBytes);
  EXPECT_EQ(group_size_bytes(9, 2), 1U * kPageBytes);
}

TEST(CatalogIndex, WhatDoesNotAgreeIsRefused) {
  CatalogIndex index = index_of(5);
  const Bytes page(kPageBytes, 'x');
  index.inlined = {{1, page}, {5, page}};
  const Bytes good = encode_catalog_index(index);
  ASSERT_TRUE(decode_catalog_index(good));
  for (const size_t offset : {0, 5, 6, 9, 12, 16, 17, 24}) {
    const auto decoded = decode_catalog_index(with_byte(good, offset, 99));
    ASSERT_FALSE(decoded) << offset;
    EXPECT_EQ(decoded.error().code, Code::kCorrupt) << offset;
  }
  EXPECT_EQ(decode_catalog_index(with_byte(good, 4, 2)).error().code, Code::kUnsupported);
  EXPECT_FALSE(decode_catalog_index(good + "x"));
  for (const size_t size : {size_t{0}, size_t{20}, size_t{60}, good.size() - 1})
    EXPECT_FALSE(decode_catalog_index(ByteView(good).substr(0, size))) << size;
  for (const auto& pages : {std::pair{2, 1}, std::pair{1, 1}, std::pair{1, 6}, std::pair{0, 1}}) {
    index.inlined = {{static_cast<uint32_t>(pages.first), page}, {static_cast<uint32_t>(pages.second), page}};
    EXPECT_FALSE(decode_catalog_index(encode_catalog_index(index)));
  }
}

TEST(CatalogIndex, LeavesNameAsManyGroupsAsExpected) {
  const std::vector<ObjectId> groups{Digest::of("a"), Digest::of("b")};
  const Bytes leaf = encode_index_leaf(groups);
  EXPECT_EQ(*decode_index_leaf(leaf, 2), groups);
  EXPECT_FALSE(decode_index_leaf(leaf, 3));
  EXPECT_FALSE(decode_index_leaf(leaf + "x", 2));
  EXPECT_FALSE(decode_index_leaf(ByteView(leaf).substr(0, leaf.size() - 1), 2));
  for (const size_t offset : {0, 5, 6, 8}) EXPECT_FALSE(decode_index_leaf(with_byte(leaf, offset, 99), 2)) << offset;
  EXPECT_EQ(decode_index_leaf(with_byte(leaf, 4, 2), 2).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace granary
