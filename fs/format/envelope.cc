#include "fs/format/envelope.h"

#include <algorithm>
#include <cassert>

namespace granary {

namespace {
constexpr std::string_view kTypePrefix = "application/vnd.granary.";
constexpr std::string_view kTypeSuffix = "+json";

std::string payload_type_of(std::string_view kind) { return str(kTypePrefix, kind, kTypeSuffix); }

Result<Signature> parse_signature(const JsonValue& json, const std::string& what) {
  const JsonReader in = TRY(JsonReader::of(json, what));
  Signature signature;
  signature.algorithm = TRY(in.text("algorithm", 64));
  signature.key_id = TRY(in.text("keyid", 128));
  signature.bytes = TRY(in.base64("sig"));
  return signature;
}
}  // namespace

Envelope Envelope::around(std::string_view kind, Bytes payload) {
  return {std::move(payload), payload_type_of(kind), {}};
}

Result<Envelope> Envelope::parse(ByteView text) {
  const JsonValue json = TRY_WITHIN("envelope", JsonValue::parse(text, kMaxDocumentBytes));
  return from_json(json, "envelope");
}

Result<Envelope> Envelope::from_json(const JsonValue& json, const std::string& what) {
  const JsonReader in = TRY(JsonReader::of(json, what));
  Envelope envelope;
  envelope.payload = TRY(in.base64("payload"));
  envelope.payload_type = TRY(in.text("payloadType", 128));
  const JsonValue::Array* signatures = TRY(in.array("signatures"));
  if (signatures->size() > kMaxSignatures) return in.wrong("signatures", str("are more than ", kMaxSignatures));
  for (const JsonValue& signature : *signatures)
    envelope.signatures.push_back(TRY(parse_signature(signature, what + ": signature")));
  return envelope;
}

Result<Envelope> Envelope::from_member(const JsonReader& in, std::string_view name) {
  const JsonValue* value = TRY(in.value(name));
  return from_json(*value, str(in.what(), ": ", name));
}

JsonValue Envelope::to_json() const {
  JsonValue::Array list;
  for (const Signature& signature : signatures) {
    list.push_back(JsonValue::Object{
        {"algorithm", signature.algorithm}, {"keyid", signature.key_id}, {"sig", to_base64(signature.bytes)}});
  }
  return JsonValue::Object{
      {"payload", to_base64(payload)}, {"payloadType", payload_type}, {"signatures", std::move(list)}};
}

std::string_view Envelope::kind() const {
  std::string_view type = payload_type;
  if (!type.starts_with(kTypePrefix) || !type.ends_with(kTypeSuffix)) return {};
  if (type.size() < kTypePrefix.size() + kTypeSuffix.size()) return {};
  type.remove_prefix(kTypePrefix.size());
  type.remove_suffix(kTypeSuffix.size());
  return type;
}

Bytes Envelope::signed_bytes() const {
  return str("DSSEv1 ", payload_type.size(), " ", payload_type, " ", payload.size(), " ", payload);
}

Status Envelope::sign(Signer& signer) {
  const PublicKey& key = signer.public_key();
  Bytes signed_with = TRY(signer.sign(signed_bytes()));
  Signature signature{key.algorithm(), key.id().hex(), std::move(signed_with)};
  std::erase_if(signatures, [&](const Signature& old) { return old.key_id == signature.key_id; });
  if (signatures.size() >= kMaxSignatures)
    return Error{Code::kInvalid, str("cannot sign: the document has ", kMaxSignatures, " signatures already")};
  signatures.push_back(std::move(signature));
  return Done{};
}

std::set<KeyId> valid_signers(const Envelope& envelope, const KeyMap& keys) {
  std::set<KeyId> signers;
  const Bytes message = envelope.signed_bytes();
  for (const Signature& signature : envelope.signatures) {
    const Result<KeyId> id = KeyId::parse(signature.key_id);
    if (!id || signers.contains(*id)) continue;
    const auto found = keys.find(*id);
    if (found == keys.end() || found->second.algorithm() != signature.algorithm) continue;
    if (found->second.verifies(message, signature.bytes)) signers.insert(*id);
  }
  return signers;
}

Result<std::set<KeyId>> verify(const Envelope& envelope, std::string_view kind, const KeyMap& keys,
                               uint64_t threshold) {
  assert(threshold >= 1);
  if (envelope.payload_type != payload_type_of(kind))
    return Error{Code::kUntrusted,
                 str("the envelope's type is \"", printable(envelope.payload_type), "\", not that of a ", kind)};
  std::set<KeyId> signers = valid_signers(envelope, keys);
  if (signers.size() < threshold)
    return Error{Code::kUntrusted, str("the ", kind, " has ", signers.size(), " valid signatures of trusted keys; ",
                                       threshold, threshold == 1 ? " is needed" : " are needed")};
  return signers;
}

}  // namespace granary
