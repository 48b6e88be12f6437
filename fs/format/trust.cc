// After the client workflow of the TUF specification (theupdateframework.github.io), with a log in the place of its
// snapshot role.
#include "fs/format/trust.h"

#include <algorithm>

namespace granary {

namespace {
constexpr size_t kMaxChain = 16;  // docs/format.md, 7.3

// A root that changes a role's keys resets what was learnt from that role: otherwise whoever stole a key could make
// clients refuse every honest version for ever, by signing a very high number once.
void forget_replaced_roles(Seen& seen, const Root& root) {
  if (const Digest keys = root.fingerprint(RoleName::kRelease); keys != seen.release_keys) {
    seen.release_keys = keys;
    seen.revision = 0;
    seen.record = {};
    seen.branches.clear();
    seen.tags.clear();
  }
  if (const Digest keys = root.fingerprint(RoleName::kTimestamp); keys != seen.timestamp_keys) {
    seen.timestamp_keys = keys;
    seen.timestamp = 0;
  }
}

// The commonest mistake of all: the right trust file, another repository's address.
Status check_same_repository(const TrustFile& trust, const Envelope& root) {
  const Result<Root> other = verify_self_signed(root);
  if (!other || other->repository == trust.repository) return Done{};
  return Error{Code::kWrongRepository, str("this is repository ", other->name, " (", other->repository,
                                           "); the trust file is for ", trust.name, " (", trust.repository, ")")};
}

// The trust file's root and all that follow it, each signed by the one before.
Result<std::vector<Root>> walk_roots(const TrustFile& trust, const std::vector<Envelope>& roots) {
  const Result<Root> first = verify_self_signed(trust.root);
  if (!first) return Error{Code::kBadTrustFile, "cannot use the trust file: " + first.error().message};
  std::vector<Root> chain{*first};
  const uint64_t version = first->version;
  if (!roots.empty()) TRY(check_same_repository(trust, roots.front()));
  if (roots.size() < version)
    return Error{Code::kRollback, str("the newest root offered is ", roots.size(), "; the trust file has ", version)};
  if (roots[version - 1].digest() != trust.root.digest())
    return Error{Code::kEquivocation, str("root ", version, " is not the one of the trust file")};
  for (uint64_t next = version; next < roots.size(); ++next)
    chain.push_back(TRY(verify_successor(chain.back(), roots[next])));
  return chain;
}

Status check_root_seen(const Root& root, const Digest& digest, const Seen& seen) {
  if (root.version < seen.root_version)
    return Error{Code::kRollback,
                 str("the newest root offered is ", root.version, "; we have seen ", seen.root_version)};
  if (root.version == seen.root_version && digest != seen.root)
    return Error{Code::kEquivocation, str("root ", root.version, " is not the one that we have seen")};
  return Done{};
}

Status check_repository(const std::string& what, const std::string& actual, const Root& root) {
  if (actual == root.repository) return Done{};
  return Error{Code::kWrongRepository, str("the ", what, " is for repository ", actual, ", not ", root.repository)};
}

Status check_one_state(const Timestamp& timestamp, const Record& record, const RecordDigest& digest, const Root& root) {
  if (timestamp.revision != record.revision || timestamp.record != digest)
    return Error{Code::kMixAndMatch,
                 str("the timestamp speaks of record ", timestamp.revision, " (", timestamp.record.brief(),
                     "), but came with record ", record.revision, " (", digest.brief(), ")")};
  if (record.root_version > root.version)
    return Error{Code::kRollback, str("record ", record.revision, " was made under root ", record.root_version,
                                      ", but the newest root offered is ", root.version)};
  if (record.root_version < root.version)
    return Error{Code::kMixAndMatch, str("record ", record.revision, " was made under root ", record.root_version,
                                         ", but came with root ", root.version)};
  return Done{};
}

Status check_seen(const Timestamp& timestamp, const Record& record, const RecordDigest& digest, const Seen& seen) {
  if (record.revision < seen.revision)
    return Error{Code::kRollback, str("revision ", record.revision, " is offered; we have seen ", seen.revision)};
  if (record.revision == seen.revision && digest != seen.record)
    return Error{Code::kEquivocation, str("revision ", record.revision, " has digest ", digest.brief(),
                                          "; we have seen one with digest ", seen.record.brief())};
  if (timestamp.time < seen.timestamp)
    return Error{Code::kRollback, str("the timestamp is of ", format_utc(timestamp.time), "; we have seen one of ",
                                      format_utc(seen.timestamp))};
  return Done{};
}

Status check_minimum(const Record& record, uint64_t minimum, const std::string& who) {
  if (record.revision >= minimum) return Done{};
  return Error{Code::kRollback, str("revision ", record.revision, " is offered; ", who, " demands at least ", minimum)};
}
}  // namespace

Result<VerifiedHead> verify_head(ByteView head, const TrustFile& trust, const TrustPolicy& policy, Seen& seen) {
  const HeadBundle bundle = TRY(HeadBundle::parse(head));

  VerifiedHead out;
  out.roots_ = TRY(walk_roots(trust, bundle.roots));
  const Root& root = out.root();
  const Digest root_digest = bundle.roots.back().digest();
  TRY(check_root_seen(root, root_digest, seen));
  seen.root_version = root.version;
  seen.root = root_digest;
  forget_replaced_roles(seen, root);

  TRY(root.verify(bundle.timestamp, Timestamp::kKind, RoleName::kTimestamp));
  out.timestamp_ = TRY(Timestamp::parse(bundle.timestamp.payload));
  TRY(root.verify(bundle.record, Record::kKind, RoleName::kRelease));
  out.record_ = TRY(Record::parse(bundle.record.payload));
  out.digest_ = bundle.record.digest();
  TRY(check_repository("timestamp", out.timestamp_.repository, root));
  TRY(check_repository("record", out.record_.repository, root));
  TRY(check_one_state(out.timestamp_, out.record_, out.digest_, root));

  TRY(check_minimum(out.record_, trust.minimum_revision, "the trust file"));
  TRY(check_minimum(out.record_, root.minimum_revision, str("root ", root.version)));
  TRY(check_seen(out.timestamp_, out.record_, out.digest_, seen));
  seen.revision = out.record_.revision;
  seen.record = out.digest_;
  seen.timestamp = out.timestamp_.time;

  const UnixSeconds now = std::max(policy.now, seen.timestamp);  // a clock that is behind makes nothing fresh for ever
  if (now >= out.timestamp_.expires) out.stale_since_ = out.timestamp_.expires;
  if (out.stale_since_ && policy.freshness == TrustPolicy::Freshness::kRequired) TRY(out.check_fresh("the head"));
  out.resolves_when_stale_ = policy.freshness == TrustPolicy::Freshness::kArchive;
  return out;
}

Status VerifiedHead::check_fresh(const std::string& what) const {
  if (!stale_since_ || resolves_when_stale_) return Done{};
  return Error{Code::kExpired,
               str("cannot tell whether ", what, " is the newest: its timestamp expired at ", format_utc(*stale_since_),
                   "; the publisher renews it with `granary renew`; --archive accepts it as it is")};
}

namespace {
struct Link {
  Statement statement;
  std::vector<Bytes> allowed;
  bool is_unlimited() const { return allowed.size() == 1 && allowed.front().empty(); }
};

// One statement and what its signers may change.
Result<Link> verify_link(const Envelope& envelope, const Root& root) {
  const std::set<KeyId> signers = TRY(root.verify(envelope, Statement::kKind, RoleName::kRelease));
  Link link{TRY(Statement::parse(envelope.payload)), {}};
  const Statement& statement = link.statement;
  TRY(check_repository(describe(statement), statement.repository, root));
  link.allowed = root.release.allowed_paths(signers, statement.branch);
  if (link.allowed.empty())
    return Error{
        Code::kUntrusted,
        str(describe(statement), " is signed by keys that may not, or not together, sign branch ", statement.branch)};
  return link;
}

Status check_base(const Statement& statement, const Statement& base) {
  const bool is_that_branch = base.kind == Statement::Kind::kBranch && base.name == statement.branch;
  if (!is_that_branch) return Error{Code::kMixAndMatch, str(describe(statement), " claims to change ", describe(base))};
  const bool is_older = base.sequence < statement.sequence ||
                        (statement.kind == Statement::Kind::kTag && base.sequence == statement.sequence);
  if (!is_older)
    return Error{Code::kMixAndMatch, str(describe(statement), " of record ", statement.sequence,
                                         " claims to change a later one, of record ", base.sequence)};
  return Done{};
}
}  // namespace

Result<VerifiedStatement> verify_statement(const Envelope& envelope, const Root& root, Statement::Kind kind,
                                           const std::string& name) {
  Link link = TRY(verify_link(envelope, root));
  const Statement& newest = link.statement;
  if (newest.kind != kind || newest.name != name)
    return Error{Code::kMixAndMatch,
                 str("the statement offered for ", name_of(kind), " ", name, " is that of ", describe(newest))};
  VerifiedStatement out;
  out.release = {newest.snapshot, newest.tree, newest.catalog, newest.branch, newest.sequence, newest.time, {}};
  out.chain.push_back(newest);
  while (!link.is_unlimited()) {
    const Statement current = out.chain.back();
    if (!current.base)
      return Error{Code::kUntrusted,
                   str(describe(current), " is signed by keys limited to paths, and does not say what it changes")};
    if (out.chain.size() == kMaxChain)
      return Error{Code::kUntrusted, str(describe(newest), " rests on more than ", kMaxChain,
                                         " statements limited to paths; "
                                         "a key without limits has to sign it")};
    Link base = TRY_WITHIN("the base of " + describe(current), verify_link(*current.base, root));
    TRY(check_base(current, base.statement));
    out.release.constraints.push_back({base.statement.catalog, current.catalog, link.allowed});
    out.chain.push_back(base.statement);
    link = std::move(base);
  }
  return out;
}

namespace {
// A statement limited to paths builds on the one before it: had it skipped one that we saw, it would undo changes
// elsewhere without a word.
Status check_builds_on(const Seen::Branch& seen, const VerifiedStatement& statement, const std::string& what) {
  const std::vector<Statement>& chain = statement.chain;
  if (chain.back().sequence > seen.sequence) return Done{};
  for (const Statement& link : chain) {
    if (link.sequence == seen.sequence && link.snapshot == seen.snapshot) return Done{};
  }
  const Statement& newest = chain.front();
  if (newest.sequence == seen.sequence)
    return Error{Code::kEquivocation, str(what, " stands for snapshot ", newest.snapshot.brief(), " at record ",
                                          seen.sequence, "; we have seen snapshot ", seen.snapshot.brief())};
  if (newest.sequence < seen.sequence)
    return Error{Code::kRollback,
                 str(what, " is offered as of record ", newest.sequence, "; we have seen it as of ", seen.sequence)};
  return Error{Code::kRollback, str(what, " is limited to paths, and does not build on its state of record ",
                                    seen.sequence, ", which we have seen")};
}

Status check_sequence(const Statement& statement, const Record& record) {
  if (statement.sequence <= record.revision) return Done{};
  return Error{Code::kMixAndMatch, str(describe(statement), " is of record ", statement.sequence,
                                       ", but stands in record ", record.revision)};
}
}  // namespace

Result<VerifiedRelease> VerifiedHead::resolve_branch(const std::string& name, Seen& seen) const {
  const std::string what = "branch " + name;
  TRY(check_fresh(what));
  const auto found = record_.branches.find(name);
  if (found == record_.branches.end())
    return Error{Code::kNotFound, str("there is no branch ", printable(name), " in revision ", record_.revision)};
  const VerifiedStatement statement = TRY(verify_statement(found->second, root(), Statement::Kind::kBranch, name));
  TRY(check_sequence(statement.chain.front(), record_));
  if (const auto known = seen.branches.find(name); known != seen.branches.end())
    TRY(check_builds_on(known->second, statement, what));
  seen.branches[name] = {statement.release.sequence, statement.release.snapshot};
  return statement.release;
}

Result<VerifiedRelease> VerifiedHead::resolve_tag(ByteView object, const std::string& name, Seen& seen) const {
  const std::string what = "tag " + name;
  TRY(check_fresh(what));
  if (Digest::of(object) != record_.names)
    return Error{Code::kMixAndMatch, str("the names offered are not those of record ", record_.revision)};
  const Names names = TRY(Names::parse(object));
  const auto found = names.tags.find(name);
  if (found == names.tags.end())
    return Error{Code::kNotFound, str("there is no tag ", printable(name), " in revision ", record_.revision)};
  const VerifiedStatement statement = TRY(verify_statement(found->second, root(), Statement::Kind::kTag, name));
  TRY(check_sequence(statement.chain.front(), record_));
  const auto [known, is_new] = seen.tags.try_emplace(name, statement.release.snapshot);
  if (!is_new && known->second != statement.release.snapshot)
    return Error{Code::kEquivocation, str(what, " was re-pointed: it stood for snapshot ", known->second.brief(),
                                          ", now for ", statement.release.snapshot.brief())};
  return statement.release;
}

Result<VerifiedRelease> VerifiedHead::resolve_branch_in(const Record& older, const std::string& name) const {
  const auto found = older.branches.find(name);
  if (found == older.branches.end())
    return Error{Code::kNotFound, str("there is no branch ", printable(name), " in revision ", older.revision)};
  const uint64_t version = std::clamp(older.root_version, roots_.front().version, roots_.back().version);
  const Root& then = roots_[version - roots_.front().version];
  const VerifiedStatement statement = TRY_WITHIN(str("revision ", older.revision, ", under root ", version),
                                                 verify_statement(found->second, then, Statement::Kind::kBranch, name));
  TRY(check_sequence(statement.chain.front(), older));
  return statement.release;
}

Status Seen::merge(const Seen& other) {
  if (other.root_version == root_version && other.root != root)
    return Error{Code::kEquivocation, str("two different documents were seen as root ", root_version)};
  const bool other_is_newer = other.root_version > root_version;
  Seen merged = other_is_newer ? other : *this;
  const Seen& lesser = other_is_newer ? *this : other;

  if (lesser.release_keys == merged.release_keys) {
    if (lesser.revision == merged.revision && lesser.record != merged.record)
      return Error{Code::kEquivocation, str("two different records were seen as revision ", revision)};
    if (lesser.revision > merged.revision) {
      merged.revision = lesser.revision;
      merged.record = lesser.record;
    }
    for (const auto& [name, branch] : lesser.branches) {
      Branch& known = merged.branches[name];
      if (branch.sequence > known.sequence) known = branch;
    }
    merged.tags.insert(lesser.tags.begin(), lesser.tags.end());
  }
  if (lesser.timestamp_keys == merged.timestamp_keys) merged.timestamp = std::max(merged.timestamp, lesser.timestamp);
  *this = std::move(merged);
  return Done{};
}

}  // namespace granary
