#include "fs/base/signing.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

struct Vector {
  const char* public_key;
  const char* message;
  const char* signature;
};

// RFC 8032, 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "55141438e7a10"
     "0b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "00d291612bb0c"
     "00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "027beceea1ec4"
     "0a"},
};

TEST(Signing, VerifiesTheVectorsOfRfc8032) {
  for (const Vector& vector : kVectors) {
    const PublicKey key = *PublicKey::make("ed25519", *from_hex(vector.public_key));
    const Bytes message = *from_hex(vector.message);
    const Bytes signature = *from_hex(vector.signature);
    EXPECT_TRUE(key.verifies(message, signature));
    EXPECT_FALSE(key.verifies(message + "x", signature));
    for (const size_t byte : {size_t{0}, size_t{31}, size_t{32}, size_t{63}}) {
      Bytes flipped = signature;
      flipped[byte] = static_cast<char>(flipped[byte] ^ 1);
      EXPECT_FALSE(key.verifies(message, flipped)) << byte;
    }
    EXPECT_FALSE(key.verifies(message, signature + std::string(1, '\0')));
    EXPECT_FALSE(key.verifies(message, ""));
  }
}

TEST(Signing, AKeysIdCoversItsAlgorithm) {
  const Bytes raw(32, 'k');
  EXPECT_EQ(PublicKey::make("ed25519", raw)->id(), Digest::of("ed25519:" + raw));
  EXPECT_NE(PublicKey::make("ed25519", raw)->id(), PublicKey::make("other", raw)->id());
}

TEST(Signing, AnUnknownAlgorithmIsCarriedButVerifiesNothing) {
  const auto key = PublicKey::make("dilithium5", Bytes(2592, 'k'));
  ASSERT_TRUE(key);
  EXPECT_FALSE(key->verifies("message", Bytes(64, 's')));
}

TEST(Signing, WhatIsNoKeyIsRefused) {
  EXPECT_EQ(PublicKey::make("ed25519", Bytes(31, 'k')).error().code, Code::kInvalid);
  EXPECT_EQ(PublicKey::make("ed25519", "").error().code, Code::kInvalid);
  EXPECT_EQ(PublicKey::make("", Bytes(32, 'k')).error().code, Code::kInvalid);
  EXPECT_EQ(PublicKey::make("Ed25519", Bytes(32, 'k')).error().code, Code::kInvalid);
  EXPECT_EQ(PublicKey::make("other", "").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace granary
