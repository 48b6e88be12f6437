// Envelope: a document and its signatures (docs/format.md, 7.1), after DSSE. Whoever reads one checks the signatures
// first
// (`verify`), and parses the payload only then. Value types.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fs/base/signing.h"
#include "fs/format/json.h"

namespace granary {

// More signatures than this are refused, so that checking them takes bounded time.
inline constexpr size_t kMaxSignatures = 64;
// No document is longer (names and snapshots are objects: they have the limit of objects).
inline constexpr size_t kMaxDocumentBytes = size_t{4} << 20;

struct Signature {
  std::string algorithm;
  std::string key_id;  // as written; a signature whose key nobody knows is carried along
  Bytes bytes;

  bool operator==(const Signature&) const = default;
};

struct Envelope {
  Bytes payload;
  std::string payload_type;
  std::vector<Signature> signatures;

  // An envelope without signatures yet.
  static Envelope around(std::string_view kind, Bytes payload);

  // kCorrupt, kEndlessData: not an envelope.
  static Result<Envelope> parse(ByteView text);
  static Result<Envelope> from_json(const JsonValue& json, const std::string& what);
  static Result<Envelope> from_member(const JsonReader& in, std::string_view name);
  JsonValue to_json() const;
  Bytes serialise() const { return to_json().canonical(); }

  // The "KIND" of the payload type; empty when it is none of ours.
  std::string_view kind() const;
  // What identifies the document, whoever signed it.
  Digest digest() const { return Digest::of(payload); }
  // DSSE's pre-authentication encoding: what signatures are over.
  Bytes signed_bytes() const;
  // Adds the signature of `signer`, in place of an older one by the same key.
  Status sign(Signer& signer);

  bool operator==(const Envelope&) const = default;
};

// Keys by their id.
using KeyMap = std::map<KeyId, PublicKey>;

// The ids of those among `keys` that have validly signed; a key counts once, however often its signature occurs.
// Unknown algorithms and keys are skipped.
std::set<KeyId> valid_signers(const Envelope& envelope, const KeyMap& keys);

// The same, after checking that the payload is of `kind`, and that the signers are at least `threshold` (>= 1).
//   kUntrusted  too few valid signatures, or of another kind
Result<std::set<KeyId>> verify(const Envelope& envelope, std::string_view kind, const KeyMap& keys, uint64_t threshold);

}  // namespace granary
