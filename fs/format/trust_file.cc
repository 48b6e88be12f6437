#include "fs/format/trust_file.h"

#include "fs/base/file.h"
#include "fs/format/identifiers.h"

namespace granary {

namespace {
Result<TrustFile> parse_trust_file(ByteView text) {
  const JsonValue json = TRY(
      parse_document(text, kMaxTrustFileBytes, TrustFile::kKind, {"repository", "name", "root", "minimum_revision"}));
  const JsonReader in = TRY(JsonReader::of(json, "trust"));
  TrustFile trust;
  trust.repository = TRY(in.text("repository"));
  if (!is_repository_uuid(trust.repository)) return in.wrong("repository", "is not a UUID");
  trust.name = TRY(in.text("name"));
  if (!is_repository_name(trust.name)) return in.wrong("name", "is not a repository name");
  trust.root = TRY(Envelope::from_member(in, "root"));
  trust.minimum_revision = TRY(in.integer_or("minimum_revision", 0));
  const Root root = TRY(verify_self_signed(trust.root));
  if (root.repository != trust.repository) return in.wrong("root", "is that of another repository");
  return trust;
}

Error bad_trust_file(const std::string& what, const Error& cause) {
  return {Code::kBadTrustFile, str(what, " is not a trust file: ", cause.message, "; ask the publisher for it")};
}
}  // namespace

Result<TrustFile> TrustFile::parse(ByteView text) {
  Result<TrustFile> trust = parse_trust_file(text);
  if (!trust) return bad_trust_file("this", trust.error());
  return trust;
}

Result<TrustFile> TrustFile::load(const std::string& path) {
  const Result<Bytes> bytes = read_file(path, kMaxTrustFileBytes);
  if (!bytes && bytes.error().code != Code::kEndlessData)
    return Error{Code::kBadTrustFile, "cannot read the trust file: " + bytes.error().message};
  if (!bytes) return bad_trust_file(printable(path), bytes.error());
  Result<TrustFile> trust = parse_trust_file(*bytes);
  if (!trust) return bad_trust_file(printable(path), trust.error());
  return trust;
}

Bytes TrustFile::serialise() const {
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["name"] = name;
  out["root"] = root.to_json();
  out["minimum_revision"] = minimum_revision;
  return JsonValue(std::move(out)).canonical();
}

}  // namespace granary
