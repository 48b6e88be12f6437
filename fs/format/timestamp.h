// Timestamp: which record is the newest, and until when to believe it (docs/format.md, 7.7). A value type.
#pragma once

#include "fs/format/record.h"

namespace granary {

struct Timestamp {
  static constexpr std::string_view kKind = "timestamp";

  std::string repository;
  uint64_t revision = 1;
  RecordDigest record;
  UnixSeconds time = 0;
  UnixSeconds expires = 0;

  static Result<Timestamp> parse(ByteView payload);
  Bytes serialise() const;
  Envelope to_envelope() const { return Envelope::around(kKind, serialise()); }

  bool operator==(const Timestamp&) const = default;
};

}  // namespace granary
