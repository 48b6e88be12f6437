// SignedWorld: a repository's signed documents, made in memory, honest by default; a test reaches in and makes it lie.
// TestSigner: an Ed25519 key made from a word, the same in every run.
#pragma once

#include <openssl/evp.h>

#include <functional>
#include <memory>

#include "fs/format/trust.h"

namespace granary {

class TestSigner : public Signer {
 public:
  explicit TestSigner(const std::string& seed) : key_(make(seed), EVP_PKEY_free), public_key_(half(key_.get())) {}

  const PublicKey& public_key() const override { return public_key_; }
  KeyId id() const { return public_key_.id(); }

  Result<Bytes> sign(ByteView message) override {
    Bytes signature(kEd25519SignatureBytes, '\0');
    size_t size = signature.size();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get());
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(message.data()), message.size());
    return signature;
  }

 private:
  static EVP_PKEY* make(const std::string& seed) {
    const Digest raw = Digest::of("a key for tests: " + seed);
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                        reinterpret_cast<const unsigned char*>(raw.raw().data()), raw.raw().size());
  }
  static PublicKey half(EVP_PKEY* key) {
    Bytes raw(kEd25519PublicBytes, '\0');
    size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size);
    return *PublicKey::make(std::string(kEd25519), raw);
  }

  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  const PublicKey public_key_;
};

inline Envelope signed_by(Envelope envelope, std::initializer_list<Signer*> signers) {
  for (Signer* signer : signers) static_cast<void>(envelope.sign(*signer));
  return envelope;
}

struct SignedWorld {
  TestSigner root_key{"root"};
  TestSigner release_key{"release"};
  TestSigner timestamp_key{"timestamp"};
  UnixSeconds now = 1'800'000'000;
  int64_t validity_seconds = 7 * 86400;

  Root root;
  std::vector<Envelope> roots;  // as the head offers them
  Names names;
  Record record;
  Envelope record_envelope;
  Envelope timestamp_envelope;
  std::map<uint64_t, Bytes> log;  // every record's envelope

  explicit SignedWorld(const std::string& repository = "0f8fad5b-d9cb-469f-a165-70867728950e") {
    root.repository = repository;
    root.name = "sw.example.org";
    root.time = now;
    allow(root, RoleName::kRoot, root_key);
    allow(root, RoleName::kRelease, release_key);
    allow(root, RoleName::kTimestamp, timestamp_key);
    roots.push_back(signed_by(Envelope::around(Root::kKind, root.serialise()), {&root_key}));
    record.repository = repository;
    record.name = root.name;
    record.time = now;
    record.names = Digest::of(names.serialise());
    record.action = {{"do", "init"}};
    sign_record();
  }
  SignedWorld(const SignedWorld&) = delete;

  static void allow(Root& root, RoleName role, const Signer& key, std::optional<std::vector<std::string>> branches = {},
                    std::optional<std::vector<Bytes>> paths = {}) {
    root.keys.emplace(key.public_key().id(), key.public_key());
    root.role(role).keys.push_back({key.public_key().id(), std::move(branches), std::move(paths)});
  }
  static void forbid(Root& root, RoleName role, const Signer& key) {
    std::erase_if(root.role(role).keys, [&](const RoleKey& other) { return other.id == key.public_key().id(); });
  }

  TrustFile trust() const { return {root.repository, root.name, roots.front(), 0}; }
  Bytes head() const { return HeadBundle{roots, record_envelope, timestamp_envelope}.serialise(); }

  // The current record signed anew, and a timestamp for it.
  void sign_record() { sign_record({&release_key}); }
  void sign_record(std::initializer_list<Signer*> signers) {
    record_envelope = signed_by(record.to_envelope(), signers);
    log[record.revision] = record_envelope.serialise();
    renew();
  }
  void renew() { renew({&timestamp_key}); }
  void renew(std::initializer_list<Signer*> signers) {
    const Timestamp timestamp{record.repository, record.revision, record_envelope.digest(), now,
                              now + validity_seconds};
    timestamp_envelope = signed_by(timestamp.to_envelope(), signers);
  }

  FetchRecord fetch() const {
    return [this](uint64_t revision) -> Result<Bytes> {
      if (const auto found = log.find(revision); found != log.end()) return found->second;
      return Error{Code::kNotFound, str("no record ", revision)};
    };
  }

  // The next record, a minute later, after `change`.
  void commit(const std::function<void(Record&)>& change = {}) {
    now += 60;
    record = *successor_of(record, record_envelope.digest(), now, fetch());
    record.action = {{"do", "test"}};
    if (change) change(record);
    sign_record();
  }

  // What a release key would say, in the next record, of a snapshot made from a word.
  Statement statement(const std::string& branch, const std::string& content) const {
    Statement out;
    out.repository = root.repository;
    out.name = out.branch = branch;
    out.snapshot = Digest::of("snapshot " + content);
    out.tree = Digest::of("tree " + content);
    out.catalog = Digest::of("catalog " + content);
    out.time = now;
    out.sequence = record.revision + 1;
    return out;
  }
  void publish(const std::string& branch, const std::string& content) {
    publish(signed_by(statement(branch, content).to_envelope(), {&release_key}), branch);
  }
  void publish(Envelope statement_envelope, const std::string& branch) {  // a copy: it may be one of the record's own
    commit([&](Record& next) { next.branches[branch] = statement_envelope; });
  }
  void tag(const std::string& name, const std::string& content) {
    Statement out = statement("main", content);
    out.kind = Statement::Kind::kTag;
    out.name = name;
    names.tags[name] = signed_by(out.to_envelope(), {&release_key});
    commit([&](Record& next) { next.names = Digest::of(names.serialise()); });
  }

  // Root n+1 after `change`, signed by `signers`, and the first record under it.
  void change_root(const std::function<void(Root&)>& change) { change_root(change, {&root_key}); }
  void change_root(const std::function<void(Root&)>& change, std::initializer_list<Signer*> signers) {
    ++root.version;
    change(root);
    roots.push_back(signed_by(Envelope::around(Root::kKind, root.serialise()), signers));
    commit([&](Record& next) { next.root_version = root.version; });
  }
};

}  // namespace granary
