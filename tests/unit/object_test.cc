#include "fs/format/object.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace granary {
namespace {

Bytes noise(size_t size_bytes) {
  std::mt19937_64 random = seeded_random();
  Bytes out;
  while (out.size() < size_bytes) out += static_cast<char>(random());
  return out;
}

TEST(Object, EveryCodecBringsTheBytesBack) {
  const Bytes text = [] {
    Bytes out;
    for (int i = 0; i < 10'000; ++i) out += str("line ", i, "\n");
    return out;
  }();
  for (const Encoding encoding :
       {Encoding{Codec::kNone, 0}, Encoding{Codec::kZlib, 6}, Encoding{Codec::kZstd, 3}, Encoding{Codec::kZstd, 19}}) {
    for (const Bytes& plain : {Bytes(), Bytes("x"), text, noise(100'000), Bytes(3 << 20, '\0')}) {
      const Bytes file = encode_object(plain, encoding);
      const auto decoded = decode_object(Digest::of(plain), file);
      ASSERT_TRUE(decoded) << name_of(encoding.codec) << ": " << decoded.error().message;
      EXPECT_EQ(*decoded, plain);
      EXPECT_LE(file.size(), plain.size() + kObjectHeaderBytes);
    }
  }
}

TEST(Object, WhatGainsNothingIsKeptPlain) {
  EXPECT_EQ(read_object_header(encode_object(noise(1000), {Codec::kZstd, 3}))->codec, Codec::kNone);
  EXPECT_EQ(read_object_header(encode_object(Bytes(1000, 'x'), {Codec::kZstd, 3}))->codec, Codec::kZstd);
}

TEST(Object, TheNameIsTheDigestOfThePlainBytes) {
  const auto wrong = decode_object(Digest::of("other"), encode_object("plain", {}));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kCorrupt);
}

TEST(Object, AnyFlippedBitIsNoticed) {
  const Bytes plain = "In the granary lies the seed of next year.";
  for (const Codec codec : {Codec::kNone, Codec::kZlib, Codec::kZstd}) {
    const Bytes file = encode_object(plain + plain + plain, {codec, 3});
    for (size_t bit = 0; bit < file.size() * 8; ++bit) {
      Bytes flipped = file;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      const auto decoded = decode_object(Digest::of(plain + plain + plain), flipped);
      EXPECT_TRUE(!decoded || *decoded == plain + plain + plain) << name_of(codec) << " bit " << bit;
    }
  }
}

TEST(Object, CodecsAndLevelsAreChecked) {
  EXPECT_EQ(*parse_codec("zlib"), Codec::kZlib);
  EXPECT_EQ(parse_codec("lz4").error().code, Code::kInvalid);
  EXPECT_TRUE(check_encoding({Codec::kZstd, 19}));
  EXPECT_FALSE(check_encoding({Codec::kZstd, 20}));
  EXPECT_FALSE(check_encoding({Codec::kZlib, 0}));
}

TEST(Object, ObjectsLieInFoldersByTheirFirstDigits) {
  const std::string hex = Digest::of("a").hex();
  EXPECT_EQ(object_path(Digest::of("a")), "objects/" + hex.substr(0, 2) + "/" + hex.substr(2));
}

}  // namespace
}  // namespace granary
