// HeadBundle: everything a mount needs in one answer, the bytes of head.json (docs/format.md, 7.7). Not signed itself,
// its parts are: nothing in it is to be believed before fs/format/trust.h has verified it. A value type.
#pragma once

#include "fs/format/envelope.h"

namespace granary {

inline constexpr size_t kMaxHeadBytes = size_t{4} << 20;

struct HeadBundle {
  static constexpr std::string_view kKind = "head";

  std::vector<Envelope> roots;  // every root document, in order, from version 1
  Envelope record;
  Envelope timestamp;

  //   kEndlessData           longer than kMaxHeadBytes
  //   kCorrupt, kUnsupported  not a head bundle, or a newer one
  static Result<HeadBundle> parse(ByteView text);
  Bytes serialise() const;

  bool operator==(const HeadBundle&) const = default;
};

}  // namespace granary
