#include "server/touched_ranges.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/mem_store.h"
#include "tests/support/seed.h"
#include "tests/support/test_repo.h"

namespace granary {
namespace {

class TouchedRangesTest : public testing::Test {
 protected:
  TouchedFile file_of(const std::vector<Bytes>& chunks, std::vector<ByteRange> ranges) {
    TouchedFile file;
    for (const Bytes& chunk : chunks) {
      const bool is_hole = chunk.find_first_not_of('\0') == Bytes::npos;
      file.slices.push_back({is_hole ? ObjectId() : *objects_.writer.write(chunk), 0, chunk.size()});
      file.size_bytes += chunk.size();
    }
    file.ranges = std::move(ranges);
    return file;
  }
  Bytes content(const std::vector<Slice>& slices) {
    Bytes out;
    for (const Slice& slice : slices) {
      out += slice.is_hole() ? Bytes(slice.length_bytes, '\0')
                             : (*objects_.reader.read(slice.object))->substr(slice.offset_bytes, slice.length_bytes);
    }
    return out;
  }
  std::vector<std::vector<Slice>> move(const std::vector<TouchedFile>& files) {
    auto moved = move_touched_ranges(files, objects_.reader, objects_.writer);
    EXPECT_TRUE(moved) << moved.error().message;
    return moved ? *moved : std::vector<std::vector<Slice>>();
  }

  MemObjects objects_;
};

// The objects under the ranges.
std::set<ObjectId> touched_objects(const TouchedFile& file, const std::vector<Slice>& slices) {
  std::set<ObjectId> out;
  uint64_t at = 0;
  for (const Slice& slice : slices) {
    for (const ByteRange& range : file.ranges) {
      const bool overlaps =
          range.offset_bytes < at + slice.length_bytes && at < range.offset_bytes + range.length_bytes;
      if (overlaps && !slice.is_hole()) out.insert(slice.object);
    }
    at += slice.length_bytes;
  }
  return out;
}

TEST_F(TouchedRangesTest, WhatWasTouchedLiesTogetherAndTheFilesReadTheSame) {
  std::vector<TouchedFile> files;
  for (unsigned i = 0; i < 8; ++i) {
    files.push_back(
        file_of({random_text(i, 200'000), random_text(100 + i, 200'000)}, {{16384, 16384}, {250'000, 4096}}));
  }
  const auto moved = move(files);
  ASSERT_EQ(moved.size(), 8U);
  std::set<ObjectId> packs;
  for (size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(content(moved[i]), content(files[i].slices)) << i;
    packs.merge(touched_objects(files[i], moved[i]));
  }
  EXPECT_EQ(packs.size(), 1U);
}

TEST_F(TouchedRangesTest, FilesThatLieTogetherAlreadyStayAsTheyAre) {
  const std::vector<TouchedFile> files{file_of({random_text(1, 200'000)}, {{0, 200'000}})};
  EXPECT_EQ(move(files)[0], files[0].slices);
}

TEST_F(TouchedRangesTest, HolesStayHolesAndRangesMayReachBeyondTheEnd) {
  std::vector<TouchedFile> files;
  for (unsigned i = 0; i < 4; ++i) {
    files.push_back(file_of({random_text(i, 150'000), Bytes(100'000, '\0'), random_text(50 + i, 1000)},
                            {{140'000, 120'000}, {400'000, 1}}));
  }
  const auto moved = move(files);
  for (size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(content(moved[i]), content(files[i].slices));
    EXPECT_TRUE(std::any_of(moved[i].begin(), moved[i].end(),
                            [](const Slice& slice) { return slice.is_hole() && slice.length_bytes == 100'000; }));
  }
}

TEST_F(TouchedRangesTest, AnyRangesOfAnyFilesKeepTheContent) {
  std::mt19937_64 random = seeded_random();
  for (int round = 0; round < 30; ++round) {
    std::vector<TouchedFile> files;
    for (int i = 0; i < 5; ++i) {
      std::vector<Bytes> chunks;
      for (unsigned c = 0; c < 1 + random() % 4; ++c)
        chunks.push_back(random() % 5 == 0 ? Bytes(70'000, '\0')
                                           : random_text(static_cast<unsigned>(random()), 1 + random() % 300'000));
      std::vector<ByteRange> ranges;
      for (uint64_t at = random() % 50'000; ranges.size() < 12; at += ranges.back().length_bytes + random() % 60'000)
        ranges.push_back({at, 1 + random() % 40'000});
      files.push_back(file_of(chunks, ranges));
    }
    const auto moved = move(files);
    for (size_t i = 0; i < files.size(); ++i)
      ASSERT_EQ(content(moved[i]), content(files[i].slices)) << round << " " << i;
  }
}

TEST_F(TouchedRangesTest, AnObjectShorterThanItsSliceIsRefused) {
  std::vector<TouchedFile> files;
  for (unsigned i = 0; i < 4; ++i) files.push_back(file_of({random_text(i, 150'000)}, {{100'000, 1000}}));
  files[2].slices[0].length_bytes = 200'000;
  files[2].ranges = {{150'000, 10'000}};
  const auto moved = move_touched_ranges(files, objects_.reader, objects_.writer);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace granary
