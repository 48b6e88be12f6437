// Closure: the packages that a shopping list comes down to, proved best: as new as can be, then as few as can be, then
// with the alternatives that come first, then of the highest priority, then by a fixed rule; there is exactly one such
// set.
#pragma once

#include "builder/closure/formulation.h"
#include "builder/closure/optimiser.h"

namespace granary {

struct Closure {
  std::vector<PackageId> packages;    // by number
  uint64_t skipped_newer = 0;         // newer versions passed over, all packages together
  std::string solver;                 // whose proof it is: "clasp 3.3.5", or "propagation"
  uint64_t recommendations_left = 0;  // of chosen packages, that could not be had beside the rest
  // For people: the size of the problem as it was formulated, and of what propagation left of it.
  size_t variables = 0, clauses = 0, open_variables = 0, open_clauses = 0;
};

// Nothing when no set of packages will do: see explanation.h.
Result<std::optional<Closure>> find_closure(const Formulation& formulation, Optimiser& optimiser);

}  // namespace granary
