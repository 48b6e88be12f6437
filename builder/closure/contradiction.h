// The heart of a contradiction: clauses that cannot hold together, none of which can be left out.
#pragma once

#include <vector>

#include "builder/closure/optimiser.h"

namespace granary {

// Whether all clauses can hold. Asks `optimiser` only what propagation does not decide.
Result<bool> is_satisfiable(const Problem& problem, Optimiser& optimiser);

// Numbers of clauses of `problem`.
using ClauseNumbers = std::vector<uint32_t>;

// A smallest part of `candidates` that contradicts `background` (which holds by itself) or itself: without any one of
// it the contradiction is gone. Of several, one with late candidates is found; `candidates` and `background` together
// are contradictory. Empty when `background` is contradictory by itself.
Result<ClauseNumbers> smallest_contradiction(const Problem& problem, const ClauseNumbers& candidates,
                                             const ClauseNumbers& background, Optimiser& optimiser);

}  // namespace granary
