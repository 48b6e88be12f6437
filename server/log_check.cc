#include "server/log_check.h"

#include <algorithm>

#include "fs/base/file.h"

namespace granary {

namespace {
std::string log_file(uint64_t revision) { return str("log/", revision, ".json"); }

// Whoever signed the first root, when there is nothing better: then only the repository's own word is checked.
Result<TrustFile> trust_whoever_signed(const HeadBundle& bundle) {
  if (bundle.roots.empty()) return Error{Code::kUntrusted, "it has no root document"};
  const Root root = TRY(verify_self_signed(bundle.roots.front()));
  return TrustFile{root.repository, root.name, bundle.roots.front(), 0};
}

Result<VerifiedHead> verify(const Bytes& text, const HeadBundle& bundle, const std::optional<TrustFile>& trust) {
  Seen seen;
  const TrustFile believed = trust ? *trust : TRY(trust_whoever_signed(bundle));
  return verify_head(text, believed, {TrustPolicy::Freshness::kArchive, Clock::system().now()}, seen);
}
}  // namespace

void LogCheck::run(const std::optional<TrustFile>& trust) {
  const auto text = read_file(directory_ + "/head.json", kMaxHeadBytes);
  if (!text) {
    const bool missing = text.error().code == Code::kNotFound;
    return broken_("head.json", missing ? "is missing: restore it from a mirror or a backup" : text.error().message);
  }
  const auto bundle = HeadBundle::parse(*text);
  if (!bundle) return broken_("head.json", bundle.error().message);
  auto verified = verify(*text, *bundle, trust);
  if (!verified) return broken_("head.json", verified.error().message);
  head = *std::move(verified);
  if (head->stale_since())
    note_("head.json", str("its timestamp expired at ", format_utc(*head->stale_since()), ": run `granary renew`"));
  root_envelopes_ = bundle->roots;
  check_roots();
  check_log();
}

void LogCheck::check_roots() {
  for (const Envelope& envelope : root_envelopes_) {
    const uint64_t version = roots_.size() + 1;
    auto root = roots_.empty() ? verify_self_signed(envelope) : verify_successor(roots_.back(), envelope);
    if (!root) return broken_(str("root ", version, " in head.json"), root.error().message);
    roots_.push_back(*std::move(root));

    const std::string thing = str("root/", version, ".json");
    const auto text = read_file(directory_ + "/" + thing, kMaxDocumentBytes);
    const bool newest = version == root_envelopes_.size();
    if (!text && text.error().code == Code::kNotFound && newest) {
      note_(thing, "is missing: the next publish or renew writes it");
    } else if (!text) {
      broken_(thing, text.error().code == Code::kNotFound ? "is missing" : text.error().message);
    } else if (const auto copy = Envelope::parse(*text); !copy || copy->digest() != envelope.digest()) {
      broken_(thing, copy ? "is not the document that head.json has" : copy.error().message);
    }
  }
}

const Root* LogCheck::root_of(const Record& record) const {
  return record.root_version <= roots_.size() ? &roots_[record.root_version - 1] : nullptr;
}

void LogCheck::check_log() {
  const uint64_t newest = head->record().revision;
  expected_[newest] = head->record_digest();
  std::optional<Link> newer;
  for (uint64_t revision = newest; revision > 0; --revision) {
    if (progress_) progress_(newest - revision, newest);
    std::optional<Record> record = read_record(revision);
    if (!record) {
      newer.reset();
      continue;
    }
    ++records;
    Link link{*std::move(record), {}};
    link.names = read_names(link.record);
    if (revision == newest && link.names) names = *link.names;
    for (const auto& [ancestor, digest] : link.record.ancestors) expected_.emplace(ancestor, digest);
    if (link.record.previous) expected_.insert_or_assign(revision - 1, *link.record.previous);
    if (newer) check_pair(link, *newer);
    newer = std::move(link);
  }
  if (newer && newer->record.revision == 1) check_statements(nullptr, *newer);
}

std::optional<Record> LogCheck::read_record(uint64_t revision) {
  const std::string thing = log_file(revision);
  const bool newest = revision == head->record().revision;
  const auto text = read_file(directory_ + "/" + thing, kMaxDocumentBytes);
  const bool missing = !text && text.error().code == Code::kNotFound;
  if (newest && missing) note_(thing, "is missing: the next publish or renew writes it");
  if (newest && missing) return head->record();
  const auto fail = [&](const std::string& what) -> std::optional<Record> {
    broken_(thing, what);
    return newest ? std::optional(head->record()) : std::nullopt;
  };
  if (missing) return fail("is missing");
  const auto envelope = text ? Envelope::parse(*text) : text.error();
  if (!envelope) return fail(envelope.error().message);
  const auto expected = expected_.find(revision);
  if (expected != expected_.end() && envelope->digest() != expected->second)
    return fail(str("has digest ", envelope->digest().brief(), "; the log says ", expected->second.brief()));
  auto record = Record::parse(envelope->payload);
  if (!record) return fail(record.error().message);
  if (record->revision != revision) return fail(str("calls itself revision ", record->revision));
  const Root* root = root_of(*record);
  if (root == nullptr) return fail(str("was made under root ", record->root_version, ", which is not there"));
  if (record->repository != root->repository) return fail("belongs to repository " + record->repository);
  if (const auto signers = root->verify(*envelope, Record::kKind, RoleName::kRelease); !signers)
    return fail(signers.error().message);
  return *std::move(record);
}

std::optional<Names> LogCheck::read_names(const Record& record) {
  if (last_names_ && last_names_->first == record.names) return last_names_->second;
  const std::string thing = str("the names of record ", record.revision, ", object ", record.names);
  const auto object = objects_.read(record.names);
  auto parsed = object ? Names::parse(**object) : object.error();
  if (!parsed) {
    if (survey.names.insert(record.names).second) broken_(thing, parsed.error().message);
    return std::nullopt;
  }
  if (survey.names.insert(record.names).second) add_retentions(*parsed, survey);
  last_names_.emplace(record.names, *parsed);
  return *std::move(parsed);
}

void LogCheck::check_pair(const Link& older, const Link& newer) {
  const std::string thing = log_file(newer.record.revision);
  const auto demand = [&](bool holds, const std::string& what) {
    if (!holds) broken_(thing, what);
  };
  demand(newer.record.time >= older.record.time, "is older than the record before it");
  demand(newer.record.root_version >= older.record.root_version, "goes back to an older root");
  demand(newer.record.next_inode >= older.record.next_inode, "gives inode numbers away again");
  demand(newer.record.name == older.record.name || newer.record.root_version != older.record.root_version,
         "renames the repository");
  check_statements(&older, newer);
  if (!older.names || !newer.names) return;
  for (const auto& [name, envelope] : older.names->tags) {
    const auto now = newer.names->tags.find(name);
    if (now == newer.names->tags.end()) {
      broken_(thing, "drops tag " + name);
      continue;
    }
    const auto was = Statement::parse(envelope.payload);
    const auto is = Statement::parse(now->second.payload);
    if (was && is && was->snapshot != is->snapshot)
      broken_(thing,
              str("re-points tag ", name, " from snapshot ", was->snapshot.brief(), " to ", is->snapshot.brief()));
  }
}

// What `newer` says anew: signed by keys that may say it, in the record in which it first appears.
void LogCheck::check_statements(const Link* older, const Link& newer) {
  const std::string thing = log_file(newer.record.revision);
  const auto check_all = [&](Statement::Kind kind, const auto& now, const auto* before) {
    for (const auto& [name, envelope] : now) {
      const Envelope* last = nullptr;
      if (before != nullptr) {
        const auto found = before->find(name);
        if (found != before->end()) last = &found->second;
      }
      if (last == nullptr || !(*last == envelope)) check_statement(thing, newer.record, kind, name, envelope, last);
    }
  };
  check_all(Statement::Kind::kBranch, newer.record.branches, older != nullptr ? &older->record.branches : nullptr);
  const bool names_known = newer.names && (older == nullptr || older->names);
  if (names_known)
    check_all(Statement::Kind::kTag, newer.names->tags, older != nullptr ? &older->names->tags : nullptr);
}

void LogCheck::check_statement(const std::string& thing, const Record& record, Statement::Kind kind,
                               const std::string& name, const Envelope& envelope, const Envelope* before) {
  const auto verified = verify_statement(envelope, *root_of(record), kind, name);
  if (!verified) return broken_(thing, verified.error().message);
  const VerifiedRelease& release = verified->release;
  for (const PathConstraint& constraint : release.constraints) {
    if (std::find(constraints.begin(), constraints.end(), constraint) == constraints.end())
      constraints.push_back(constraint);
  }
  const bool is_new = before == nullptr || before->digest() != envelope.digest();
  if (is_new && release.sequence != record.revision)
    broken_(thing,
            str(name_of(kind), " ", name, " appears first here, but says that it did in record ", release.sequence));
  if (!is_new || before == nullptr || kind == Statement::Kind::kTag || release.constraints.empty()) return;
  const auto was = Statement::parse(before->payload);
  const bool builds_on = was && std::any_of(verified->chain.begin(), verified->chain.end(), [&](const Statement& link) {
                           return link.sequence == was->sequence && link.snapshot == was->snapshot;
                         });
  if (!builds_on) broken_(thing, str("branch ", name, " is limited to paths, and does not build on what it was"));
}

}  // namespace granary
