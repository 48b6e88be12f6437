// Trace: what a workload touched of a snapshot, in order of first touch (docs/format.md, 7.9). Recording writes it, the
// publisher makes a plan of it. It speaks of paths and contents, not of objects, so that re-packing does not void it.
// Value types.
#pragma once

#include "fs/format/statement.h"

namespace granary {

struct ByteRange {
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;  // at least 1
  bool operator==(const ByteRange&) const = default;
};

struct Touch {
  enum class Kind {
    kDirectory,  // names in it were looked up, or it was listed
    kFile,       // bytes of it were read
  };

  Kind kind = Kind::kDirectory;
  Bytes path;  // relative to the root, no leading slash; "" is the root
  // Files only:
  Digest content;                 // SHA-256 of the whole plain file
  std::vector<ByteRange> ranges;  // ascending, disjoint, below 2^63; empty for a file that was empty

  bool operator==(const Touch&) const = default;
};

struct Trace {
  static constexpr std::string_view kKind = "trace";
  // A recorder stops before it exceeds any of these; `parse` refuses what does.
  static constexpr size_t kMaxBytes = size_t{16} << 20;  // serialised
  static constexpr size_t kMaxTouches = 100'000;
  static constexpr size_t kMaxRanges = 200'000;  // of all touches together
  static constexpr size_t kMaxPathBytes = 4095;

  std::string repository;  // its UUID
  SnapshotId snapshot;     // that it was recorded on
  UnixSeconds time = 0;    // when
  std::vector<Touch> touches;

  //   kEndlessData  longer than kMaxBytes
  //   kUnsupported  of a newer format
  //   kCorrupt      not a trace, cut short, or beyond the other bounds
  static Result<Trace> parse(ByteView text);
  Bytes serialise() const;

  bool operator==(const Trace&) const = default;
};

// How many bytes a touch adds to its serialised trace, at most; a trace without any has fewer than 512.
size_t serialised_bytes(const Touch& touch);

}  // namespace granary
