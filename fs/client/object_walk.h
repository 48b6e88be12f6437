// ObjectWalk: which objects a subtree, or a whole snapshot, consists of: the catalog's first, then those of the data in
// the order of a depth-first walk by name, which is the order in which they were packed. Each once. Keeps ids, nothing
// else. For one thread at a time.
#pragma once

#include <functional>
#include <vector>

#include "fs/format/catalog.h"

namespace granary {

struct WalkedObject {
  ObjectId id;
  uint64_t size_bytes = 0;  // of its plain bytes, as far as slices tell: it may be larger
  InodeNumber inode = 0;    // the first file that has bytes in it; 0: a part of the catalog
};

// The objects of the data below `top` (a file: its own). `go_on` is asked now and then, and ends the walk with
// kUnavailable.
//   kCorrupt  the tree has no end, or a row breaks the format
//   otherwise what the catalog said
using GoOn = std::function<bool()>;
Result<std::vector<WalkedObject>> walk_data(Catalog& catalog, const Entry& top, const GoOn& go_on);

// All parts of the catalog: its index first.
Result<std::vector<WalkedObject>> walk_catalog(Catalog& catalog);

// Reads everything of a catalog that looking at a subtree takes besides walking it: rows by inode number, and other
// names of hard links.
Status touch_index(Catalog& catalog, const Entry& top, const GoOn& go_on);

}  // namespace granary
