#include "fs/store/pins.h"

#include <gtest/gtest.h>

#include "fs/base/file.h"

namespace granary {
namespace {

Pin pin_of(const Bytes& path, std::vector<Bytes> contents, const Bytes& snapshot = "snapshot") {
  Pin pin{"6b0e2a3c-0000-4000-8000-000000000001", Digest::of(snapshot), path, 1'790'000'000, {}};
  for (const Bytes& plain : contents) pin.objects.push_back({ObjectId::of(plain), plain.size()});
  return pin;
}

class PinsTest : public testing::Test {
 protected:
  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  const PinBook book_{directory_.path()};
};

TEST_F(PinsTest, WhatIsWrittenIsRead) {
  const Pin usr = pin_of("usr/\n\xff", {"hello", "world"});
  const Pin all = pin_of("", {});
  ASSERT_TRUE(book_.write(usr));
  ASSERT_TRUE(book_.write(all));
  const auto contents = book_.read();
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->pins, (std::vector<Pin>{all, usr}));
  EXPECT_TRUE(contents->damaged.empty());
}

TEST_F(PinsTest, TheSamePathOfTheSameSnapshotIsReplaced) {
  ASSERT_TRUE(book_.write(pin_of("usr", {"hello"})));
  ASSERT_TRUE(book_.write(pin_of("usr", {"world"})));
  ASSERT_TRUE(book_.write(pin_of("usr", {"hello"}, "another snapshot")));
  EXPECT_EQ(book_.read()->pins.size(), 2u);
}

TEST_F(PinsTest, WhatIsRemovedIsGone) {
  const Pin pin = pin_of("usr", {"hello"});
  ASSERT_TRUE(book_.write(pin));
  ASSERT_TRUE(book_.remove(pin));
  EXPECT_TRUE(book_.read()->pins.empty());
  EXPECT_EQ(book_.remove(pin).error().code, Code::kNotFound);
}

TEST_F(PinsTest, WhereNothingWasPinnedThereIsNothing) { EXPECT_TRUE(book_.read()->pins.empty()); }

TEST(Pins, AnyDamageIsNoticed) {
  const Bytes good = pin_of("usr", {"hello", "world"}).serialise();
  ASSERT_TRUE(Pin::parse(good));
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_FALSE(Pin::parse(bad)) << at;
    EXPECT_FALSE(Pin::parse(good.substr(0, at))) << at;
  }
  EXPECT_FALSE(Pin::parse(good + "x"));
}

// The digest at the end says that a file is whole, not that it is sensible.
TEST(Pins, ACountThatDoesNotFitIsRefusedBeforeAnythingIsMadeRoomFor) {
  for (const uint64_t count : {uint64_t{1}, uint64_t{3}, UINT64_MAX, UINT64_MAX / 40 + 1}) {
    ByteWriter out;
    out.bytes("GRNPIN1\n").string("uuid").string("usr").bytes(Digest::of("").raw()).i64(0).u64(count);
    out.bytes(Bytes(80, 'x'));
    const Digest digest = Digest::of(out.view());
    EXPECT_FALSE(Pin::parse(out.bytes(digest.raw()).view())) << count;
  }
}

TEST_F(PinsTest, ADamagedFileIsToldOfAndProtectsNothing) {
  ASSERT_TRUE(book_.write(pin_of("usr", {"hello"})));
  const std::string bad = directory_.path() + "/pins/bad.pin";
  ASSERT_TRUE(replace_file(bad, "nonsense", 0600, Durability::kFast));
  const auto contents = book_.read();
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->pins.size(), 1u);
  EXPECT_EQ(contents->damaged, std::vector<std::string>{bad});
}

TEST_F(PinsTest, TheSetSeesEveryChangeAtOnce) {
  PinnedSet set(directory_.path());
  set.refresh();
  EXPECT_FALSE(set.contains(ObjectId::of("hello")));
  const Pin pin = pin_of("usr", {"hello", Bytes(5000, 'x')});
  for (int round = 0; round < 5; ++round) {  // faster than the clock of the file system ticks
    ASSERT_TRUE(book_.write(pin));
    set.refresh();
    EXPECT_TRUE(set.contains(ObjectId::of("hello")));
    EXPECT_EQ(set.bytes(), 4096u + 8192u);
    EXPECT_EQ(set.pins(), 1u);
    ASSERT_TRUE(book_.remove(pin));
    set.refresh();
    EXPECT_FALSE(set.contains(ObjectId::of("hello")));
    EXPECT_EQ(set.bytes(), 0u);
  }
}

TEST_F(PinsTest, WhatTwoPinsShareCountsOnce) {
  ASSERT_TRUE(book_.write(pin_of("usr", {"hello", "shared"})));
  ASSERT_TRUE(book_.write(pin_of("etc", {"world", "shared"})));
  PinnedSet set(directory_.path());
  set.refresh();
  EXPECT_EQ(set.bytes(), 3 * 4096u);
}

}  // namespace
}  // namespace granary
