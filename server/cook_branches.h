// The branches that cooking keeps beside those of people, below "cook/": a layer under the key of everything that it
// was made from (cook/layer/KEY), and what a snapshot was cooked from (cook/evidence/SNAPSHOT). Listings leave them
// out. A layer lives as long as it is used now and then; evidence as long as its snapshot is kept by anything else.
#pragma once

#include <string>
#include <string_view>

#include "server/repository.h"

namespace granary {

std::string cook_layer_branch(const Digest& key);
std::string cook_evidence_branch(const SnapshotId& snapshot);

// What a cook notes about a layer, in the private state; the file's time of change is that of the layer's last use.
std::string cook_layer_note(const Repository& repository, const Digest& key);

inline constexpr int64_t kCookLayersOlderSeconds = 30 * 86400;

struct EvictedCooks {
  uint64_t layers = 0;
  uint64_t evidence = 0;
};
// Removes the branches of layers that were not used for so long, and of evidence whose snapshot nothing keeps any more,
// in one commit; their objects go with the collection. A layer used within the last hour stays in any case, because a
// cook may be building on it. `dry_run` only counts.
//   kUntrusted, kNotFound  the keys that sign the head are not at hand
Result<EvictedCooks> evict_cook_branches(Repository& repository, int64_t older_seconds, bool dry_run,
                                         const Clock& clock);

}  // namespace granary
