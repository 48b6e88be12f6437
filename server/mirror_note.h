// MirrorNote: what makes a directory a mirror, and of what: .granary/mirror.json, private to it. A value type.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "fs/base/digest.h"
#include "server/history.h"

namespace granary {

struct MirrorNote {
  std::string source;  // its URL
  // Only these are copied, each alone, without its history; both empty: everything.
  std::set<std::string> branches, tags;
  // Snapshots that are here completely, and were verified on arrival.
  std::set<Digest> complete;

  bool is_partial() const { return !branches.empty() || !tags.empty(); }
  // What the mirror keeps of the names that a head gives.
  std::vector<KeptName> choose(std::vector<KeptName> names) const;

  // Nothing when `repository` is no mirror.
  static Result<std::optional<MirrorNote>> load(const std::string& repository);
  Status save(const std::string& repository) const;
};

}  // namespace granary
