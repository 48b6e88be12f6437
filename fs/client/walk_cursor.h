// WalkCursor: goes through a snapshot's regular files in depth-first order of name: the order in which a walking reader
// meets them, and in which a first publish packs them. One thread; may wait for the catalog. Borrows the catalog.
#pragma once

#include <vector>

#include "fs/format/catalog.h"

namespace granary {

class WalkCursor {
 public:
  // Begins after the entry `name` of `directory`.
  WalkCursor(Catalog& catalog, InodeNumber directory, Bytes name) : catalog_(catalog), levels_{{directory, name}} {}

  // The next files that have bytes, a few at a time; none at the end of the tree.
  Result<std::vector<Entry>> next();

 private:
  struct Level {
    InodeNumber directory;
    Bytes after;  // goes on behind this name
  };

  // Lists on until it meets a directory. False at the directory's end.
  Result<bool> list(std::vector<Entry>& files);
  // Goes on behind this directory in the one above it. False at the end of the tree.
  Result<bool> ascend();

  Catalog& catalog_;
  std::vector<Level> levels_;  // the last one is where it is; never empty
};

}  // namespace granary
