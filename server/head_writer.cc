#include "server/head_writer.h"

#include <algorithm>

#include "fs/format/identifiers.h"
#include "server/root_editor.h"

namespace granary {

namespace {
std::set<KeyId> ids_of(const Signers& signers) {
  std::set<KeyId> ids;
  for (const auto& signer : signers) ids.insert(signer->public_key().id());
  return ids;
}

std::string briefly(const std::set<KeyId>& ids) {
  std::string out;
  for (const KeyId& id : ids) out += (out.empty() ? "" : ", ") + id.brief();
  return out;
}
}  // namespace

Status HeadWriter::sign(Envelope& envelope, RoleName role, const std::string& branch) {
  const Signers& signers = role == RoleName::kTimestamp ? timestamp_ : release_;
  bool has_signed = false;
  for (const auto& signer : signers) {
    const RoleKey* key = root_.role(role).find(signer->public_key().id());
    if (key == nullptr || (!branch.empty() && !key->may_sign_branch(branch))) continue;
    TRY(envelope.sign(*signer));
    has_signed = true;
  }
  if (has_signed) return Done{};
  const std::string lack = branch.empty() ? str("a ", name_of(role), " key of root ", root_.version)
                                          : str("allowed to sign branch ", branch, " by root ", root_.version);
  return Error{Code::kUntrusted,
               str("none of our ", name_of(role), " keys (", briefly(ids_of(signers)), ") is ", lack)};
}

Result<std::vector<Bytes>> HeadWriter::allowed_paths(const std::string& branch) const {
  std::vector<Bytes> allowed = root_.release.allowed_paths(ids_of(release_), branch);
  if (!allowed.empty()) return allowed;
  return Error{Code::kUntrusted, str("our release keys (", briefly(ids_of(release_)),
                                     ") may not, or not alone, sign branch ", branch, " by root ", root_.version)};
}

Result<Envelope> HeadWriter::sign_statement(Statement statement, const std::optional<Envelope>& current) {
  const std::vector<Bytes> allowed = TRY(allowed_paths(statement.branch));
  const bool is_unlimited = allowed.front().empty();
  statement.base = is_unlimited ? std::nullopt : current;
  Envelope envelope = statement.to_envelope();
  TRY(sign(envelope, RoleName::kRelease, statement.branch));
  TRY(verify_statement(envelope, root_, statement.kind, statement.name));
  return envelope;
}

Result<Envelope> HeadWriter::sign_profile(const ProfileNote& note) {
  Envelope envelope = note.to_envelope();
  TRY(sign(envelope, RoleName::kRelease));
  TRY(verify_profile(envelope, root_, note.snapshot));
  return envelope;
}

Result<Envelope> HeadWriter::sign_record(const Record& record) {
  Envelope envelope = record.to_envelope();
  TRY(sign(envelope, RoleName::kRelease));
  TRY(root_.verify(envelope, Record::kKind, RoleName::kRelease));
  TRY(Record::parse(envelope.payload));
  return envelope;
}

Result<Envelope> HeadWriter::sign_timestamp(const Record& record, const RecordDigest& digest, UnixSeconds now,
                                            int64_t validity_seconds) {
  Envelope envelope = Timestamp{record.repository, record.revision, digest, now, now + validity_seconds}.to_envelope();
  TRY(sign(envelope, RoleName::kTimestamp));
  TRY(root_.verify(envelope, Timestamp::kKind, RoleName::kTimestamp));
  return envelope;
}

Result<HeadBundle> HeadWriter::make_bundle(std::vector<Envelope> roots, const Record& record, UnixSeconds now,
                                           int64_t validity_seconds) {
  HeadBundle bundle;
  bundle.roots = std::move(roots);
  bundle.record = TRY(sign_record(record));
  bundle.timestamp = TRY(sign_timestamp(record, bundle.record.digest(), now, validity_seconds));
  if (const size_t size = bundle.serialise().size(); size > kMaxHeadBytes)
    return Error{Code::kInvalid, str("the head would have ", size, " bytes; clients accept ", kMaxHeadBytes,
                                     ": remove branches, or sign them with a key that is not limited to paths")};
  return bundle;
}

Result<HeadBundle> HeadWriter::renew(HeadBundle bundle, UnixSeconds now, std::optional<int64_t> validity_seconds) {
  const int64_t validity = validity_seconds ? *validity_seconds : TRY(validity_of(bundle));
  const Record record = TRY(Record::parse(bundle.record.payload));
  const Timestamp old = TRY(Timestamp::parse(bundle.timestamp.payload));
  bundle.timestamp = TRY(sign_timestamp(record, bundle.record.digest(), std::max(now, old.time), validity));
  return bundle;
}

Result<int64_t> validity_of(const HeadBundle& bundle) {
  const Timestamp timestamp = TRY(Timestamp::parse(bundle.timestamp.payload));
  return std::max<int64_t>(timestamp.expires - timestamp.time, 1);
}

namespace {
// Asked for once; used for making the keys and for loading them a moment later.
struct Passphrases {
  Secret root;
  Secret publisher;

  static AskPassphrase known(const Secret& secret) {
    return [&secret](const std::string&) -> Result<Secret> { return Secret(Bytes(secret.view())); };
  }
};

Result<Root> first_root(const NewRepositoryOptions& options, const KeyDirectory& keys, const Passphrases& passphrases) {
  Root root;
  root.repository = make_repository_uuid();
  root.name = options.name;
  root.time = options.now;
  for (unsigned i = 1; i <= options.root_keys; ++i) {
    const PublicKey key = TRY(create_key(str(keys.root_path(), "/root-", i, ".key"), passphrases.root));
    TRY(add_key(root, RoleName::kRoot, key));
  }
  TRY(set_threshold(root, RoleName::kRoot, options.root_threshold));
  const PublicKey release = TRY(create_key(keys.path() + "/release.key", passphrases.publisher));
  const PublicKey timestamp = TRY(create_key(keys.path() + "/timestamp.key", passphrases.publisher));
  TRY(add_key(root, RoleName::kRelease, release));
  TRY(add_key(root, RoleName::kTimestamp, timestamp));
  return root;
}

Record first_record(const Root& root, const Digest& names, UnixSeconds now) {
  Record record;
  record.repository = root.repository;
  record.name = root.name;
  record.time = now;
  record.root_version = root.version;
  record.names = names;
  record.action = {{"do", "init"}};
  return record;
}
}  // namespace

Result<NewRepository> create_repository(const NewRepositoryOptions& options) {
  TRY(check_repository_name(options.name));
  if (options.root_threshold < 1 || options.root_threshold > options.root_keys || options.root_keys > kMaxSignatures)
    return Error{Code::kInvalid,
                 str("a root threshold of ", options.root_threshold, " needs at least as many root keys, at most ",
                     kMaxSignatures, "; ", options.root_keys, " were asked for")};
  const KeyDirectory keys(options.keys);
  TRY_WITHIN("cannot make keys", keys.create());
  Passphrases passphrases;
  passphrases.root = TRY(options.ask("the root keys"));
  passphrases.publisher = TRY(options.ask("the release and timestamp keys"));
  const Root root = TRY_WITHIN("cannot make keys", first_root(options, keys, passphrases));
  const Signers root_signers = TRY(keys.load_root(Passphrases::known(passphrases.root)));
  const Signers release = TRY(keys.load_release(Passphrases::known(passphrases.publisher)));
  const Signers timestamp = TRY(keys.load_timestamp(Passphrases::known(passphrases.publisher)));

  NewRepository out;
  out.names = Names().serialise();
  out.trust = {root.repository, root.name, Envelope::around(Root::kKind, root.serialise()), 0};
  for (const auto& signer : root_signers) TRY(out.trust.root.sign(*signer));
  TRY(verify_self_signed(out.trust.root));
  HeadWriter writer(root, release, timestamp);
  out.head = TRY(writer.make_bundle({out.trust.root}, first_record(root, Digest::of(out.names), options.now),
                                    options.now, options.validity_seconds));
  return out;
}

}  // namespace granary
