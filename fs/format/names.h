// Names: tags, withdrawals, retention and notes (docs/format.md, 7.6). Stored as an object that the record names. A
// value type.
#pragma once

#include "fs/format/statement.h"

namespace granary {

struct Withdrawal {
  std::string reason;
  UnixSeconds time = 0;
  bool operator==(const Withdrawal&) const = default;
};

// From `effective` on, older untagged snapshots of the branch may be removed. Exactly one limit is set.
struct Retention {
  std::optional<uint64_t> keep_last;
  std::optional<uint64_t> keep_seconds;
  UnixSeconds effective = 0;
  bool operator==(const Retention&) const = default;
};

struct Names {
  static constexpr std::string_view kKind = "names";

  std::map<std::string, Envelope> tags;  // name → release statement of kind tag; never re-pointed
  std::map<SnapshotId, Withdrawal> withdrawn;
  std::map<std::string, Retention> retention;         // branch →
  std::map<SnapshotId, std::vector<Envelope>> notes;  // envelopes of kind "note"

  // `object`: the plain bytes of the names object, whose digest the reader has compared.
  static Result<Names> parse(ByteView object);
  Bytes serialise() const;

  bool operator==(const Names&) const = default;
};

}  // namespace granary
