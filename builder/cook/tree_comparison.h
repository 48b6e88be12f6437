// How a tree that was cooked again differs from the one it should equal, file by file, and why as far as can be told.
#pragma once

#include <string>
#include <vector>

#include "fs/format/catalog.h"

namespace granary {

struct TreeDifference {
  std::string path;                // absolute, printable
  std::string change;              // "missing", "additional", "changed"
  std::vector<std::string> parts;  // of a changed one: "content", "mode", "owner", "mtime", ...
  std::string package;             // whose list names the path; empty: none
  std::string why;                 // "made by a script, not part of a package", "known to differ: ..."
};

struct TreeComparison {
  uint64_t count = 0;                       // all there are
  std::vector<TreeDifference> differences;  // the first `limit` of them
};

// `before`: the tree as it was; its dpkg database says which package owns a path.
Result<TreeComparison> compare_trees(Catalog& before, ObjectReader& before_objects, Catalog& after, size_t limit);

}  // namespace granary
