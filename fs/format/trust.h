// What a client believes: from a trust file and a head bundle, both foreign, to a snapshot that it may mount
// (docs/format.md, 7; docs/security.md tells the attacks and what stops each). Pure functions; nothing here reads a
// file.
//
// The order is fixed: sizes, root chain, timestamp signature, record signature, repository, one state, versions seen,
// freshness; then, name by name, the release statements. Every kind of lie has its own error:
//   kEndlessData      the answer is longer than any honest one
//   kCorrupt          it is no head bundle, or a signed part of it breaks its form
//   kUnsupported      only a newer Granary understands it
//   kUntrusted        too few signatures of keys that may sign this
//   kWrongRepository  signed, but for another repository
//   kMixAndMatch      parts of different states presented as one
//   kRollback         older than what this client, the trust file or the root has seen
//   kEquivocation     two different signed documents under one number
//   kExpired          authentic, but too old to tell what is the newest
#pragma once

#include <memory>

#include "fs/format/head_bundle.h"
#include "fs/format/names.h"
#include "fs/format/record.h"
#include "fs/format/root.h"
#include "fs/format/timestamp.h"
#include "fs/format/trust_file.h"

namespace granary {

// The highest versions seen of one repository. A value; fs/client/trust_memory.h keeps it across mounts.
struct Seen {
  struct Branch {
    uint64_t sequence = 0;
    SnapshotId snapshot;
    bool operator==(const Branch&) const = default;
  };

  uint64_t root_version = 0;  // 0: nothing seen yet
  Digest root;
  // Learnt from the release role as it was then.
  Digest release_keys;
  uint64_t revision = 0;
  RecordDigest record;
  std::map<std::string, Branch> branches;
  std::map<std::string, SnapshotId> tags;
  // Learnt from the timestamp role as it was then.
  Digest timestamp_keys;
  UnixSeconds timestamp = 0;

  // What both know together: the higher of each. Where the key sets differ, the newer root's side knows better.
  //   kEquivocation  they saw different things under one number
  Status merge(const Seen& other);

  bool operator==(const Seen&) const = default;
};

struct TrustPolicy {
  enum class Freshness {
    kRequired,  // an expired timestamp is kExpired
    kPinned,    // an expired timestamp is accepted, but then no branch or tag resolves: for mounts by snapshot id
    kArchive,   // an expired timestamp is accepted, and the answer says so: authentic, perhaps stale
  };
  Freshness freshness = Freshness::kRequired;
  UnixSeconds now = 0;
};

// A change that its signers were allowed to make below some paths only. Whoever uses the release checks each pair with
// fs/client/limited_change.h: to compare digests is not enough, they are the signers' own word.
struct PathConstraint {
  Digest base_catalog;
  Digest catalog;
  std::vector<Bytes> allowed;  // relative to the root, no leading slash
  bool operator==(const PathConstraint&) const = default;
};

// What a name stands for, by the word of keys that may say so.
struct VerifiedRelease {
  SnapshotId snapshot;
  Digest tree;
  Digest catalog;
  std::string branch;
  uint64_t sequence = 0;
  UnixSeconds time = 0;
  std::vector<PathConstraint> constraints;  // empty unless the signers are limited to paths
};

class VerifiedHead {
 public:
  const Root& root() const { return roots_.back(); }
  const Record& record() const { return record_; }
  const RecordDigest& record_digest() const { return digest_; }
  const Timestamp& timestamp() const { return timestamp_; }
  // Since when the answer may be out of date; nothing while it is fresh.
  const std::optional<UnixSeconds>& stale_since() const { return stale_since_; }

  // Both check against what was seen, and add what they find to it; whoever keeps a memory saves it afterwards.
  //   kNotFound      no such branch or tag
  //   kExpired       the timestamp is, and the policy is kPinned
  //   kRollback      an older statement than the one seen before
  //   kEquivocation  another snapshot under the sequence number, or for the tag, that was seen before
  //   kUntrusted     signed by nobody who may sign this branch
  //   kMixAndMatch   a statement for something else, or of a later record
  Result<VerifiedRelease> resolve_branch(const std::string& name, Seen& seen) const;
  // `names`: the plain bytes of the object that `record().names` names; kMixAndMatch when they are of another one.
  Result<VerifiedRelease> resolve_tag(ByteView names, const std::string& name, Seen& seen) const;

  // What a branch stood for in an older record, which the caller found along the chain (find_record, find_record_at).
  // Its statement is checked with the root of that time, as far back as the trust file's.
  Result<VerifiedRelease> resolve_branch_in(const Record& older, const std::string& name) const;

 private:
  friend Result<VerifiedHead> verify_head(ByteView, const TrustFile&, const TrustPolicy&, Seen&);
  VerifiedHead() = default;
  Status check_fresh(const std::string& what) const;

  std::vector<Root> roots_;  // from the trust file's on
  Record record_;
  RecordDigest digest_;
  Timestamp timestamp_;
  std::optional<UnixSeconds> stale_since_;
  bool resolves_when_stale_ = false;
};

// Verifies the bytes of head.json. `seen` is what is known of the trust file's repository (a fresh Seen at the first
// contact); what proves authentic is added to it, also when the answer is an error such as kExpired: save it in either
// case.
Result<VerifiedHead> verify_head(ByteView head, const TrustFile& trust, const TrustPolicy& policy, Seen& seen);

// The word of `statement`, which must stand for `kind` `name` of the root's repository, under the release role of
// `root`. Errors as for resolve_branch; nothing here knows what was seen before.
struct VerifiedStatement {
  VerifiedRelease release;
  // The statements it rests on, newest first: itself, then each base, down to one that is not limited to paths.
  std::vector<Statement> chain;
};
Result<VerifiedStatement> verify_statement(const Envelope& statement, const Root& root, Statement::Kind kind,
                                           const std::string& name);

}  // namespace granary
