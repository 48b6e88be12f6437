// FastCDC: content-defined chunking with a gear hash and normalised chunk sizes.
//
// A hash of the last 64 bytes rolls over the content, one shift, one table look-up and one addition a byte; where its
// top bits are all zero, a chunk ends. What decides is local, so an edit moves only the cuts near it. Cuts nearer than
// the minimum are not looked for at all. Up to the average size more bits must be zero, after it fewer: sizes crowd
// around the average and few chunks need the cut at the maximum, which does not follow the content.
// W. Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data Deduplication", USENIX ATC
// 2016, and "The Design of Fast Content-Defined Chunking for Data Deduplication Based Storage Systems", IEEE TPDS 2020.
#include "server/chunker.h"

#include <algorithm>
#include <array>
#include <bit>

namespace granary {

namespace {
constexpr int kAverageBits = std::countr_zero(kAverageChunkBytes);
constexpr int kNormalisation = 2;  // bits more before the average, bits fewer after it
// Where the strict mask gives way to the easy one: chosen so that the mean comes out at the average.
constexpr size_t kTurnBytes = size_t{208} << 10;
constexpr uint64_t top_bits(int count) { return ~uint64_t{0} << (64 - count); }
constexpr uint64_t kStrictMask = top_bits(kAverageBits + kNormalisation);
constexpr uint64_t kEasyMask = top_bits(kAverageBits - kNormalisation);

// 256 fixed random numbers, from the SplitMix64 generator.
constexpr std::array<uint64_t, 256> make_gears() {
  std::array<uint64_t, 256> gears{};
  uint64_t state = 0x6772616e61727931;  // "granary1"
  for (auto& gear : gears) {
    state += 0x9e3779b97f4a7c15;
    uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    gear = mixed ^ (mixed >> 31);
  }
  return gears;
}
constexpr auto kGears = make_gears();

struct Search {
  uint64_t hash = 0;
  bool found = false;
};

// Rolls from `at` to `end`; stops behind the byte that makes the masked hash zero.
size_t roll(const uint8_t* bytes, size_t at, size_t end, uint64_t mask, Search& search) {
  uint64_t hash = search.hash;
  while (at < end) {
    hash = (hash << 1) + kGears[bytes[at++]];
    if ((hash & mask) == 0) {
      search.found = true;
      break;
    }
  }
  search.hash = hash;
  return at;
}
}  // namespace

size_t next_cut(ByteView bytes) {
  if (bytes.size() <= kMinChunkBytes) return bytes.size();
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const size_t end = std::min(bytes.size(), kMaxChunkBytes);
  Search search;
  const size_t middle = std::min(end, kTurnBytes);
  const size_t at = roll(data, kMinChunkBytes, middle, kStrictMask, search);
  return search.found ? at : roll(data, at, end, kEasyMask, search);
}

}  // namespace granary
