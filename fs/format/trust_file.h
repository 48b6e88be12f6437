// TrustFile: what a client is given by hand, and all it believes at first (docs/format.md, 7.8). A value type.
#pragma once

#include "fs/format/root.h"

namespace granary {

inline constexpr size_t kMaxTrustFileBytes = size_t{1} << 20;

struct TrustFile {
  static constexpr std::string_view kKind = "trust";

  std::string repository;
  std::string name;
  Envelope root;
  uint64_t minimum_revision = 0;

  // Every error is kBadTrustFile; also when the root is not signed by its own keys, or of another repository.
  static Result<TrustFile> parse(ByteView text);
  // The same, from a file; the error names it.
  static Result<TrustFile> load(const std::string& path);
  Bytes serialise() const;

  bool operator==(const TrustFile&) const = default;
};

}  // namespace granary
