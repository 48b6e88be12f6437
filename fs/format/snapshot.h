// Snapshot: one published, immutable state (docs/format.md, 7.5). Stored as an object, not signed itself: statements
// name its digest, the snapshot id. A value type.
#pragma once

#include "fs/format/statement.h"

namespace granary {

struct Snapshot {
  static constexpr std::string_view kKind = "snapshot";

  std::string repository;
  Digest tree;
  Digest catalog;
  std::vector<SnapshotId> parents;
  UnixSeconds time = 0;
  std::string branch;
  std::string message;
  uint64_t entries = 0;
  uint64_t bytes = 0;

  // `object`: the plain bytes of the snapshot object, whose digest the reader has compared.
  static Result<Snapshot> parse(ByteView object);
  Bytes serialise() const;

  bool operator==(const Snapshot&) const = default;
};

}  // namespace granary
