#include "builder/archive/release.h"

#include <gtest/gtest.h>

#include "builder/archive/keyring.h"
#include "builder/archive/signed_release.h"
#include "support/apt_world.h"

namespace granary {
namespace {

constexpr UnixSeconds kNow = 1'795'000'000;  // November 2026

TEST(ReleaseTest, DatesAreRead) {
  EXPECT_EQ(format_utc(*parse_release_date("Sat, 11 Jul 2026 10:16:37 UTC")), "2026-07-11T10:16:37Z");
  EXPECT_EQ(format_utc(*parse_release_date("Sun,  1 Feb 2026  9:06:07 +0000")), "2026-02-01T09:06:07Z");
  for (const char* text : {"", "Sat, 11 Jul 2026", "Sat, 31 Feb 2026 10:16:37 UTC", "11 Jul 2026 10:16:37 UTC",
                           "Sat, 11 Jul 2026 10:16:37 CEST", "Sat, 11 Jul 2026 24:16:37 UTC"})
    EXPECT_FALSE(parse_release_date(text)) << text;
}

TEST(ReleaseTest, ItsFieldsAreRead) {
  const std::string digest(64, 'a');
  const auto release = Release::parse(
      "Suite: stable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nArchitectures: all amd64\n"
      "Components: main contrib\nMD5Sum:\n 0 1 x\nSHA256:\n " +
      digest + "  17 main/binary-amd64/Packages\n");
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_TRUE(release->check_suite("bookworm"));
  EXPECT_TRUE(release->check_suite("stable"));
  EXPECT_EQ(release->check_suite("trixie").error().code, Code::kMixAndMatch);
  EXPECT_FALSE(release->packages_hold_all);
  EXPECT_EQ(release->files.at("main/binary-amd64/Packages").size_bytes, 17U);
}

TEST(ReleaseTest, WhatIsNoneIsCorrupt) {
  const std::string digest(64, 'a');
  const std::string head = "Suite: s\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n";
  EXPECT_EQ(Release::parse("").error().code, Code::kCorrupt);
  EXPECT_EQ(Release::parse("Suite: s\n").error().code, Code::kCorrupt);
  for (const std::string& line :
       {digest + " x p", digest + " 1 ../p", digest + " 1 /p", digest + " 1", std::string("abc 1 p")})
    EXPECT_EQ(Release::parse(head + "SHA256:\n " + line + "\n").error().code, Code::kCorrupt) << line;
}

TEST(ReleaseTest, ItIsStaleAfterItsTime) {
  Release release;
  EXPECT_TRUE(release.check_fresh(kNow));
  release.valid_until = kNow;
  EXPECT_TRUE(release.check_fresh(kNow));
  EXPECT_EQ(release.check_fresh(kNow + 1).error().code, Code::kExpired);
}

class SignedReleaseTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!AptWorld::can_be_made()) GTEST_SKIP() << "gpg is missing";
  }
  static Bytes inrelease(const AptWorld& world) {
    return *read_file(world.directory() + "/dists/bookworm/InRelease", 1 << 20);
  }
};

TEST_F(SignedReleaseTest, OnlyWhatWasSignedIsRead) {
  AptWorld world;
  world.publish("bookworm");
  const auto text = verify_inrelease(inrelease(world), world.keyring(), kNow);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->text, *read_file(world.directory() + "/dists/bookworm/Release", 1 << 20));
  ASSERT_EQ(text->signers.size(), 1U);
  EXPECT_EQ(text->signers.front().size(), 40U);
}

TEST_F(SignedReleaseTest, AChangedByteIsUntrusted) {
  AptWorld world;
  world.publish("bookworm");
  Bytes changed = inrelease(world);
  changed[changed.find("Codename: b") + 10] = 'B';
  EXPECT_EQ(verify_inrelease(changed, world.keyring(), kNow).error().code, Code::kUntrusted);
}

TEST_F(SignedReleaseTest, AStrangersSignatureIsUntrustedAndItsKeyNamed) {
  AptWorld world;
  AptWorld::SuiteOptions options;
  options.sign = false;
  world.publish("bookworm", options);
  const auto text = verify_inrelease(inrelease(world), world.keyring(), kNow);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::kUntrusted);
  EXPECT_NE(text.error().message.find("not in the archive's keyring"), std::string::npos) << text.error().message;
}

TEST_F(SignedReleaseTest, WhatIsNotOneSignedMessageIsUntrusted) {
  AptWorld world;
  world.publish("bookworm");
  const Bytes good = inrelease(world);
  EXPECT_EQ(verify_inrelease("Suite: bookworm\n", world.keyring(), kNow).error().code, Code::kUntrusted);
  EXPECT_EQ(verify_inrelease("Suite: evil\n\n" + good, world.keyring(), kNow).error().code, Code::kUntrusted);
  EXPECT_EQ(verify_inrelease(good + good, world.keyring(), kNow).error().code, Code::kUntrusted);
}

TEST(KeyringTest, ArmouredKeysBecomeBinaryOnes) {
  const std::string armoured =
      "text before\n-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\nmQAB\nAgME\n=abcd\n"
      "-----END PGP PUBLIC KEY BLOCK-----\n";
  EXPECT_EQ(*binary_keyring(armoured), Bytes("\x99\x00\x01\x02\x03\x04", 6));
  EXPECT_EQ(*binary_keyring(armoured + armoured), Bytes("\x99\x00\x01\x02\x03\x04\x99\x00\x01\x02\x03\x04", 12));
  EXPECT_EQ(*binary_keyring("\x99\x00"), "\x99\x00");
  EXPECT_EQ(binary_keyring("nonsense").error().code, Code::kInvalid);
  EXPECT_EQ(binary_keyring(Bytes("\0\0\0 \1\1\0\2KBXf\0\0\0\0", 16)).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace granary
