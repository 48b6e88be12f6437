// Three-way merge of trees, by tree digest: what one publisher changed since the base is replayed on what another
// published meanwhile, when the two touch different things (docs/architecture.md, "Two publishers").
#pragma once

#include <string>
#include <vector>

#include "fs/format/catalog.h"
#include "server/change_set.h"

namespace granary {

struct Merge {
  ChangeSet replay;                    // what is left of our changes, to be applied to theirs
  std::vector<std::string> conflicts;  // for people, one a path; when there are any, nothing may be replayed
};

// `ours` is relative to `base`; `theirs` is what the branch has become. Conflicts are: the same path made different by
// both, a path removed by one with something changed below it by the other, a directory replaced by something else in
// the same way, and a hard-link group changed by both. Equal changes on both sides are no conflict, nor are times of
// directories: the later one wins.
Result<Merge> merge_changes(const ChangeSet& ours, Catalog& base, Catalog& theirs);

}  // namespace granary
