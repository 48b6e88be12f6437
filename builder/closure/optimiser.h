// Optimiser: finds the cheapest choice that satisfies a problem, and proves it. The seam for other solvers.
// Optimisers: Clasp (the program of that name). One thread.
#pragma once

#include <optional>

#include "builder/closure/problem.h"

namespace granary {

class Optimiser {
 public:
  virtual ~Optimiser() = default;

  // Nothing when no choice satisfies the clauses.
  //   kNotFound     the solver is not installed: the message says what to install
  //   kUnavailable  it took too long
  virtual Result<std::optional<Optimum>> minimise(const Problem& problem) = 0;

  // For the lock: "clasp 3.3.5". Asked after `minimise`.
  virtual std::string name() const = 0;
};

// Reduces first, and asks `optimiser` only for what is left; see `reduce` for what it asks of the costs.
Result<std::optional<Optimum>> minimise_reduced(const Problem& problem, Optimiser& optimiser);

}  // namespace granary
