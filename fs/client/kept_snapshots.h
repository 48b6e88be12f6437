// KeptSnapshots: what a mount serves, as a worker leaves it to the one that comes after it, which so needs no network:
// every snapshot in the list (fs/client/kept_snapshot.h) has been verified before it was served. A value type.
#pragma once

#include <optional>
#include <vector>

#include "fs/client/repository_view.h"

namespace granary {

struct KeptSnapshots {
  static constexpr size_t kMaxBytes = size_t{1000} << 10;  // what fits into a KeptMemory
  static constexpr size_t kRoomForTheRest = size_t{64} << 10;
  static constexpr size_t kMaxFormer = 64;

  ResolvedSnapshot current;
  std::vector<ResolvedSnapshot> former;  // newest first
  std::string following;                 // the selector by which it is kept up to date, or was chosen
  // A switch from this one is under way: the kernel may remember what only that one has.
  std::optional<SnapshotId> forgetting;

  // Foreign bytes, whoever wrote them: kInvalid unless well-formed.
  static Result<KeptSnapshots> parse(ByteView bytes);
  // As many of the former ones as have room.
  Bytes serialise() const;
};

}  // namespace granary
