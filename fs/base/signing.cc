#include "fs/base/signing.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace granary {

namespace {
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const unsigned char* unsigned_bytes(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

bool ed25519_verifies(ByteView raw, ByteView message, ByteView signature) {
  if (raw.size() != kEd25519PublicBytes || signature.size() != kEd25519SignatureBytes) return false;
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, unsigned_bytes(raw), raw.size()));
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  if (!key || !context) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1) return false;
  return EVP_DigestVerify(context.get(), unsigned_bytes(signature), signature.size(), unsigned_bytes(message),
                          message.size()) == 1;
}

bool is_algorithm_name(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}
}  // namespace

PublicKey::PublicKey(std::string algorithm, Bytes raw)
    : algorithm_(std::move(algorithm)), raw_(std::move(raw)), id_(Digest::of(algorithm_ + ":" + raw_)) {}

Result<PublicKey> PublicKey::make(std::string algorithm, Bytes raw) {
  if (!is_algorithm_name(algorithm))
    return Error{Code::kInvalid,
                 str("not the name of a signature algorithm: \"", printable(algorithm.substr(0, 80)), "\"")};
  if (algorithm == kEd25519 && raw.size() != kEd25519PublicBytes)
    return Error{Code::kInvalid, str("an ed25519 public key has 32 bytes, not ", raw.size())};
  if (raw.empty() || raw.size() > 8192)
    return Error{Code::kInvalid, str("a public key has 1 to 8192 bytes, not ", raw.size())};
  return PublicKey(std::move(algorithm), std::move(raw));
}

bool PublicKey::verifies(ByteView message, ByteView signature) const {
  return algorithm_ == kEd25519 && ed25519_verifies(raw_, message, signature);
}

}  // namespace granary
