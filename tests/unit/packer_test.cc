#include "server/packer.h"

#include <gtest/gtest.h>

#include "server/large_file.h"
#include "support/memory_objects.h"

namespace granary {
namespace {

// The bytes that slices stand for.
Bytes assemble(MemoryObjects& objects, std::span<const Slice> slices) {
  Bytes bytes;
  for (const Slice& slice : slices) {
    if (slice.is_hole())
      bytes.append(slice.length_bytes, '\0');
    else
      bytes.append(objects.at(slice.object).substr(slice.offset_bytes, slice.length_bytes));
  }
  return bytes;
}

struct PackerTest : testing::Test {
  MemoryObjects objects;
  ContentTable contents;
  Packer packer{objects, nullptr, contents};

  ContentTable::Number add(const Bytes& bytes) { return *packer.add(Digest::of(bytes), bytes); }
};

TEST_F(PackerTest, SmallFilesShareOneObjectInOrder) {
  const auto first = add("first"), second = add("second");
  ASSERT_TRUE(packer.finish());
  EXPECT_EQ(objects.count(), 1u);
  EXPECT_EQ(objects.at(contents.slices(first)[0].object), "firstsecond");
  EXPECT_EQ(assemble(objects, contents.slices(second)), "second");
}

TEST_F(PackerTest, EqualContentsAreStoredOnce) {
  const auto first = add("same"), other = add("other"), again = add("same");
  ASSERT_TRUE(packer.finish());
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
  EXPECT_EQ(objects.total_bytes(), 9u);
}

TEST_F(PackerTest, PacksDoNotGrowBeyondTheirSize) {
  for (char c = 'a'; c < 'k'; ++c) add(Bytes(100'000, c));
  ASSERT_TRUE(packer.finish());
  EXPECT_EQ(objects.count(), 5u);
  for (const auto& [id, bytes] : objects.all()) EXPECT_LE(bytes.size(), kPackBytes);
}

TEST_F(PackerTest, WhatAProfileWantsTogetherGoesIntoPacksOfItsOwnInItsOrder) {
  const PackOrder together{{Digest::of("third"), 0}, {Digest::of("first"), 1}, {Digest::of("nowhere"), 2}};
  Packer choosy{objects, nullptr, contents, &together};
  std::vector<ContentTable::Number> numbers;
  for (const Bytes bytes : {"first", "second", "third", "first"})
    numbers.push_back(*choosy.add(Digest::of(bytes), bytes));
  ASSERT_TRUE(choosy.finish());
  EXPECT_EQ(objects.at(contents.slices(numbers[0])[0].object), "thirdfirst");
  EXPECT_EQ(objects.at(contents.slices(numbers[1])[0].object), "second");
  EXPECT_EQ(assemble(objects, contents.slices(numbers[0])), "first");
  EXPECT_EQ(assemble(objects, contents.slices(numbers[2])), "third");
  EXPECT_EQ(numbers[0], numbers[3]);
}

TEST_F(PackerTest, AnEmptyFileNeedsNoObject) {
  const auto number = add("");
  ASSERT_TRUE(packer.finish());
  EXPECT_TRUE(contents.slices(number).empty());
  EXPECT_EQ(objects.count(), 0u);
}

TEST_F(PackerTest, WhatEarlierPublishesStoredIsPointedTo) {
  struct Known : KnownContents {
    std::optional<std::vector<Slice>> find(const Digest& digest) override {
      if (digest == Digest::of("known")) return std::vector<Slice>{{Digest::of("elsewhere"), 7, 5}};
      return std::nullopt;
    }
  } known;
  Packer knowing(objects, &known, contents);
  const auto number = *knowing.add(Digest::of("known"), "known");
  ASSERT_TRUE(knowing.finish());
  EXPECT_EQ(contents.slices(number)[0], (Slice{Digest::of("elsewhere"), 7, 5}));
  EXPECT_EQ(objects.count(), 0u);
}

// Pieces in a row: text, or a number of zeros that the source calls a hole.
class ScriptedFile : public FileReader {
 public:
  ScriptedFile& bytes(Bytes piece) { return pieces_.push_back({std::move(piece), 0}), *this; }
  ScriptedFile& hole(uint64_t size) { return pieces_.push_back({{}, size}), *this; }
  Result<Piece> next() override {
    if (at_ == pieces_.size()) return Piece{};
    const auto& [text, size] = pieces_[at_++];
    return Piece{text, size};
  }
  Bytes plain() const {
    Bytes all;
    for (const auto& [text, size] : pieces_) all += text + Bytes(size, '\0');
    return all;
  }

 private:
  std::vector<std::pair<Bytes, uint64_t>> pieces_;
  size_t at_ = 0;
};

Bytes noise(size_t size, uint32_t seed) {
  Bytes bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

struct LargeFileTest : testing::Test {
  MemoryObjects objects;

  Content store(ScriptedFile& file) {
    auto content = store_large_file(file, objects);
    EXPECT_TRUE(content);
    EXPECT_EQ(content->size_bytes, file.plain().size());
    EXPECT_EQ(content->digest, Digest::of(file.plain()));
    EXPECT_EQ(assemble(objects, content->slices), file.plain());
    return std::move(*content);
  }
};

TEST_F(LargeFileTest, ComesBackWhole) {
  ScriptedFile file;
  for (uint32_t i = 0; i < 50; ++i) file.bytes(noise(99'991, i));
  const Content content = store(file);
  EXPECT_GT(content.slices.size(), 5u);
  EXPECT_EQ(objects.count(), content.slices.size());
}

TEST_F(LargeFileTest, HolesAreStoredNowhere) {
  ScriptedFile file;
  file.hole(5 << 20).bytes(noise(12'288, 1)).hole(1 << 20).bytes(noise(303'104, 2)).hole(3 << 20);
  const Content content = store(file);
  EXPECT_EQ(objects.total_bytes(), 315'392u);
  EXPECT_TRUE(content.slices.front().is_hole());
  EXPECT_TRUE(content.slices.back().is_hole());
}

TEST_F(LargeFileTest, IslandsOfDataShareObjects) {
  ScriptedFile file;
  for (uint32_t i = 0; i < 100; ++i) file.bytes(noise(4096, i)).hole(1 << 20);
  const Content content = store(file);
  EXPECT_GE(content.slices.size(), 200u);
  EXPECT_LE(objects.count(), 6u);
}

TEST_F(LargeFileTest, LongRunsOfZeroBytesBecomeHolesAndShortOnesDoNot) {
  ScriptedFile file;
  file.bytes(noise(200'000, 1) + Bytes(100'000, '\0'))
      .bytes(Bytes(100'000, '\0') + noise(9, 2) + Bytes(30'000, '\0') + "end");
  const Content content = store(file);
  size_t holes = 0;
  for (const Slice& slice : content.slices) holes += slice.is_hole();
  EXPECT_EQ(holes, 1u);
  EXPECT_LT(objects.total_bytes(), 240'000u);
}

TEST_F(LargeFileTest, AFileOfZerosIsOneHole) {
  ScriptedFile file;
  file.bytes(Bytes(1 << 20, '\0')).hole(1 << 20);
  EXPECT_EQ(store(file).slices, (std::vector<Slice>{{{}, 0, 2 << 20}}));
  EXPECT_EQ(objects.count(), 0u);
}

}  // namespace
}  // namespace granary
