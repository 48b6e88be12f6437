// Statement: the word of a release key that a name stands for a snapshot (docs/format.md, 7.3). A value type.
#pragma once

#include <optional>

#include "fs/format/envelope.h"

namespace granary {

// The digest of a snapshot object (fs/format/snapshot.h).
using SnapshotId = Digest;

struct Statement {
  static constexpr std::string_view kKind = "release";
  enum class Kind { kBranch, kTag };

  std::string repository;
  Kind kind = Kind::kBranch;
  std::string name;
  std::string branch;  // for a tag, the branch the snapshot was published on; for a branch, its name
  SnapshotId snapshot;
  Digest tree;
  Digest catalog;
  UnixSeconds time = 0;
  uint64_t sequence = 0;         // revision of the record in which it first appears
  std::optional<Envelope> base;  // the statement it changes; needed when its signers are limited to paths

  static Result<Statement> parse(ByteView payload);
  Bytes serialise() const;
  Envelope to_envelope() const { return Envelope::around(kKind, serialise()); }

  bool operator==(const Statement&) const = default;
};

const char* name_of(Statement::Kind kind);

// "branch main" or "tag v1", for people.
std::string describe(const Statement& statement);

}  // namespace granary
