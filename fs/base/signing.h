// PublicKey: what a signature is checked with. Signer: what makes one; it may hold the private key, or ask a machine
// that does. Ed25519 (RFC 8032, pure) is what we have; names of other algorithms are carried, and their signatures
// skipped. Public keys are values, safe from many threads; a Signer belongs to one thread at a time.
#pragma once

#include "fs/base/bytes.h"
#include "fs/base/digest.h"

namespace granary {

inline constexpr std::string_view kEd25519 = "ed25519";
inline constexpr size_t kEd25519PublicBytes = 32;
inline constexpr size_t kEd25519SignatureBytes = 64;

// SHA-256 of the algorithm's name, ":", and the public key's bytes: one key has one id.
using KeyId = Digest;

class PublicKey {
 public:
  // kInvalid: an algorithm's name is 1 to 64 of a-z0-9-, an ed25519 key 32 bytes, any other 1 to 8192.
  static Result<PublicKey> make(std::string algorithm, Bytes raw);

  const std::string& algorithm() const { return algorithm_; }
  const Bytes& raw() const { return raw_; }
  const KeyId& id() const { return id_; }

  // False for a wrong signature, and for any signature by an algorithm that we do not know.
  bool verifies(ByteView message, ByteView signature) const;

  bool operator==(const PublicKey& other) const { return id_ == other.id_; }

 private:
  PublicKey(std::string algorithm, Bytes raw);

  std::string algorithm_;
  Bytes raw_;
  KeyId id_;
};

class Signer {
 public:
  virtual ~Signer() = default;
  virtual const PublicKey& public_key() const = 0;
  // The signature's bytes over exactly `message`.
  //   kUnavailable  whatever holds the key did not answer
  //   kUntrusted    it answered with something that is not this key's signature
  virtual Result<Bytes> sign(ByteView message) = 0;
};

}  // namespace granary
