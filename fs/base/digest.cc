#include "fs/base/digest.h"

#include <openssl/evp.h>

#include <cassert>

namespace granary {

Digest Digest::of(ByteView bytes) { return Sha256().update(bytes).finish(); }

Result<Digest> Digest::parse(std::string_view hex) {
  if (hex.size() != 2 * kSizeBytes)
    return Error{Code::kInvalid, str("not a digest (64 hexadecimal digits): \"", printable(hex.substr(0, 80)), "\"")};
  return from_raw(TRY(from_hex(hex)));
}

Result<Digest> Digest::from_raw(ByteView raw) {
  if (raw.size() != kSizeBytes) return Error{Code::kCorrupt, str("a digest has 32 bytes, not ", raw.size())};
  Digest digest;
  std::memcpy(digest.bytes_.data(), raw.data(), kSizeBytes);
  return digest;
}

namespace {
EVP_MD_CTX* context_of(void* raw) { return static_cast<EVP_MD_CTX*>(raw); }

// Fetched once: EVP_sha256() makes OpenSSL 3 look the algorithm up at every init.
const EVP_MD* sha256() {
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kAlgorithm;
}

void start(void* context) {
  [[maybe_unused]] const int ok = EVP_DigestInit_ex(context_of(context), sha256(), nullptr);
  assert(ok == 1);
}
}  // namespace

void Sha256::Free::operator()(void* context) const { EVP_MD_CTX_free(context_of(context)); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) { start(context_.get()); }

Sha256& Sha256::update(ByteView bytes) {
  [[maybe_unused]] const int ok = EVP_DigestUpdate(context_of(context_.get()), bytes.data(), bytes.size());
  assert(ok == 1);
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  unsigned size = 0;
  [[maybe_unused]] const int ok = EVP_DigestFinal_ex(context_of(context_.get()), digest.bytes_.data(), &size);
  assert(ok == 1 && size == Digest::kSizeBytes);
  start(context_.get());
  return digest;
}

}  // namespace granary
