#include "server/chunker.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace granary {
namespace {

Bytes random_bytes(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(size, '\0');
  for (size_t i = 0; i + 8 <= size; i += 8) {
    const uint64_t value = random();
    std::memcpy(bytes.data() + i, &value, 8);
  }
  return bytes;
}

std::vector<Bytes> chunks_of(ByteView bytes) {
  std::vector<Bytes> chunks;
  while (!bytes.empty()) {
    chunks.emplace_back(bytes.substr(0, next_cut(bytes)));
    bytes.remove_prefix(chunks.back().size());
  }
  return chunks;
}

TEST(Chunker, ChunksKeepWithinTheirBounds) {
  const auto chunks = chunks_of(random_bytes(32 << 20, 1));
  for (size_t i = 0; i + 1 < chunks.size(); ++i) {
    EXPECT_GT(chunks[i].size(), kMinChunkBytes);
    EXPECT_LE(chunks[i].size(), kMaxChunkBytes);
  }
}

TEST(Chunker, TheMeanIsNearTheAverage) {
  const size_t total = size_t{64} << 20;
  const double mean = static_cast<double>(total) / static_cast<double>(chunks_of(random_bytes(total, 2)).size());
  EXPECT_GT(mean, 0.85 * kAverageChunkBytes);
  EXPECT_LT(mean, 1.15 * kAverageChunkBytes);
}

TEST(Chunker, AnInsertionMovesOnlyTheCutsAroundIt) {
  const Bytes before = random_bytes(16 << 20, 3);
  Bytes after = before;
  after.insert(7'654'321, "seventeen bytes..");
  const auto old_chunks = chunks_of(before);
  const std::set<Bytes> known(old_chunks.begin(), old_chunks.end());
  size_t fresh = 0;
  for (const Bytes& chunk : chunks_of(after)) fresh += !known.contains(chunk);
  EXPECT_LE(fresh, 3u);
  EXPECT_GE(fresh, 1u);
}

TEST(Chunker, WhatLooksFurtherAheadCutsTheSame) {
  const Bytes bytes = random_bytes(4 << 20, 4);
  ByteView left = bytes;
  while (left.size() > kMaxChunkBytes) {
    const size_t cut = next_cut(left);
    EXPECT_EQ(next_cut(left.substr(0, kMaxChunkBytes)), cut);
    left.remove_prefix(cut);
  }
}

TEST(Chunker, CutsAreTheSameForEver) {
  std::vector<size_t> sizes;
  for (const Bytes& chunk : chunks_of(random_bytes(2 << 20, 5))) sizes.push_back(chunk.size());
  EXPECT_EQ(sizes, (std::vector<size_t>{284438, 291615, 221959, 250436, 256085, 342526, 431445, 18648}));
}

TEST(Chunker, SmallAndMonotonousContentIsCutToo) {
  EXPECT_EQ(next_cut(""), 0u);
  EXPECT_EQ(next_cut("a"), 1u);
  EXPECT_EQ(next_cut(Bytes(kMinChunkBytes, 'x')), kMinChunkBytes);
  const size_t cut = next_cut(Bytes(3 * kMaxChunkBytes, 'x'));
  EXPECT_GT(cut, kMinChunkBytes);
  EXPECT_LE(cut, kMaxChunkBytes);
}

}  // namespace
}  // namespace granary
