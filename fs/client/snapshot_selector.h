// SnapshotSelector: how people name a snapshot.
//   main            a branch           v1.2           a tag
//   main@2026-11-01T12:00              the branch as it was then (UTC)
//   main~3          the third snapshot before it       v1.2~1 and 3f2a91c0~1 likewise
//   3f2a91c0…       a snapshot id, or the beginning of one (at least 6 digits)
// A value type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fs/base/time.h"

namespace granary {

struct SnapshotSelector {
  enum class Kind {
    kAny,  // whatever it names: a branch, else a tag, else an id
    kBranch,
    kTag,
    kSnapshot,  // an id or its beginning
  };
  Kind kind = Kind::kBranch;
  std::string name = "main";
  std::optional<UnixSeconds> date;  // branches only
  uint64_t generations_back = 0;

  // kInvalid, with what is wrong.
  static Result<SnapshotSelector> parse(std::string_view text, Kind kind = Kind::kAny);

  // As parse takes it.
  std::string text() const;
  // True for a complete snapshot id, which needs nobody's word for what it stands for.
  bool is_complete_id() const;

  bool operator==(const SnapshotSelector&) const = default;
};

}  // namespace granary
