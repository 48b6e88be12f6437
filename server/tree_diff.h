// diff_source: what has to change in the base for it to become the source. What is equal costs nothing and is not in
// the set; content that is unchanged keeps its inode number, changed content gets a new one (docs/format.md, 6.2).
#pragma once

#include "fs/format/catalog.h"
#include "server/change_set.h"
#include "server/source_tree.h"

namespace granary {

// `base`: the branch as it is; null for an empty tree. `subpath`: where the source's root goes ("" is the root,
// "usr/local" replaces that subtree alone; directories missing above it are made, mode 0755, all else 0).
// The source is the whole subtree, or changes to it when `source.is_overlay`.
//   kInvalid  something above `subpath` is no directory, or the overlay does not fit the base
Result<ChangeSet> diff_source(const SourceTree& source, const ContentTable& contents, Catalog* base, ByteView subpath);

}  // namespace granary
