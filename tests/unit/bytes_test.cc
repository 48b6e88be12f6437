#include "fs/base/bytes.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

TEST(Bytes, HexAndBase64ComeBack) {
  const Bytes all = [] {
    Bytes out;
    for (int i = 0; i < 256; ++i) out += static_cast<char>(i);
    return out;
  }();
  EXPECT_EQ(*from_hex(to_hex(all)), all);
  EXPECT_EQ(*from_base64(to_base64(all)), all);
}

TEST(Bytes, OnlyCanonicalTextIsAccepted) {
  for (const char* text : {"0", "AB", "zz", "0g"}) EXPECT_FALSE(from_hex(text)) << text;
  for (const char* text : {"A", "AA==\n", "AB==", "AA=A", "A===", "====", "AA ="})
    EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Bytes, IntegersAreLittleEndian) {
  EXPECT_EQ(to_hex(ByteWriter().u16(0x0102).u32(0x03040506).i64(-2).take()), "020106050403feffffffffffffff");
}

TEST(Bytes, VarintsComeBackAndOnlyInTheirShortestForm) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, uint64_t{1} << 62, ~uint64_t{0}}) {
    const Bytes encoded = ByteWriter().varint(value).take();
    ByteReader reader(encoded);
    EXPECT_EQ(reader.varint(), value);
    EXPECT_TRUE(reader.ok() && reader.at_end());
  }
  const Bytes padded = *from_hex("8000");
  ByteReader reader(padded);
  reader.varint();
  EXPECT_FALSE(reader.ok());
  const Bytes too_long = *from_hex("ffffffffffffffffff02");
  ByteReader overflowing(too_long);
  overflowing.varint();
  EXPECT_FALSE(overflowing.ok());
}

TEST(Bytes, ReadingPastTheEndFailsForEver) {
  const Bytes encoded = ByteWriter().string("hello").take();
  ByteReader cut(ByteView(encoded).substr(0, encoded.size() - 1));
  EXPECT_EQ(cut.string(), "");
  EXPECT_FALSE(cut.ok());
  EXPECT_EQ(cut.u8(), 0);
}

TEST(Bytes, PrintableLeavesTextAloneAndEscapesTheRest) {
  EXPECT_EQ(printable("etc/motd größer"), "etc/motd größer");
  EXPECT_EQ(printable(ByteView("a\n\xff\x00z", 5)), "a\\x0a\\xff\\x00z");
  EXPECT_EQ(printable("\xc2\x80"), "\\xc2\\x80");
}

}  // namespace
}  // namespace granary
