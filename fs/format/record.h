// Record: one link of the append-only head log (docs/format.md, 7.4), and the ways along its chain. A value type.
#pragma once

#include <functional>
#include <optional>

#include "fs/format/envelope.h"

namespace granary {

// SHA-256 of a record's payload.
using RecordDigest = Digest;

struct Record {
  static constexpr std::string_view kKind = "record";

  std::string repository;
  std::string name;
  uint64_t revision = 1;
  std::optional<RecordDigest> previous;        // absent in the first
  std::map<uint64_t, RecordDigest> ancestors;  // the skip list: exactly the revisions of `ancestors_of`
  UnixSeconds time = 0;
  uint64_t root_version = 1;
  uint64_t next_inode = 16;
  std::map<std::string, Envelope> branches;  // name → release statement
  Digest names;                              // of the names object
  JsonValue::Object action;

  static Result<Record> parse(ByteView payload);
  Bytes serialise() const;
  Envelope to_envelope() const { return Envelope::around(kKind, serialise()); }

  bool operator==(const Record&) const = default;
};

// The revisions that the skip list of record `revision` holds: revision − 2^k > 0, where 2^k divides it, k >= 1;
// descending.
std::vector<uint64_t> ancestors_of(uint64_t revision);

// Hands out the bytes of log/REVISION.json, a record envelope, unchecked.
using FetchRecord = std::function<Result<Bytes>(uint64_t revision)>;

// The record after `head` (whose digest is given), with everything that chains it filled in and the rest copied from
// `head`: revision, previous, ancestors. Its time is `now`, or the predecessor's when the clock went back. `fetch` is
// asked for about log2(revision) older records.
Result<Record> successor_of(const Record& head, const RecordDigest& digest, UnixSeconds now, const FetchRecord& fetch);

// An older record, reached from a trusted one link by link: its digest is what its successors say, so its signatures
// need no checking. About log2(distance) fetches.
//   kNotFound  no such revision: 0 or above `head`
//   kCorrupt   a record is not the one that the chain names
Result<Record> find_record(const Record& head, uint64_t revision, const FetchRecord& fetch);

// The newest record, at or before `head`, that was committed at `time` or earlier.
//   kNotFound  the repository is younger
Result<Record> find_record_at(const Record& head, UnixSeconds time, const FetchRecord& fetch);

}  // namespace granary
