// What finish_tree takes out of a tree, and why: one table, which docs/cooking-differences.md shows (a test compares).
#pragma once

#include <span>

namespace granary {

struct KnownDifference {
  enum class Cure { kRemove, kEmpty };

  const char* pattern;  // of paths in the tree, as fnmatch(3) with FNM_PATHNAME; "**/" at its beginning: anywhere
  Cure cure;
  const char* why;
};

std::span<const KnownDifference> known_differences();

}  // namespace granary
