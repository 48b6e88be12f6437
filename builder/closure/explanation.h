// Why a shopping list cannot be had, in words, and which wishes to drop.
#pragma once

#include "builder/closure/optimiser.h"
#include "builder/closure/wishes.h"

namespace granary {

struct Explanation {
  std::string why;                // "emacs-nox conflicts with emacs-gtk, needed by proofgeneral"
  std::vector<std::string> drop;  // the fewest wishes whose dropping makes the rest possible

  std::string text() const;
};

// For a list that no set of packages satisfies: the smallest chain of reasons from wishes to contradiction (none of
// them can be left out).
Result<Explanation> explain(const Universe& universe, const ShoppingList& list, Optimiser& optimiser);

}  // namespace granary
