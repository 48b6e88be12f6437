// Clasp: an Optimiser that starts the answer-set solver clasp (https://potassco.org/clasp), which proves optima by
// finding unsatisfiable cores. docs/architecture.md says why this one.
#pragma once

#include "builder/closure/optimiser.h"

namespace granary {

class Clasp : public Optimiser {
 public:
  Result<std::optional<Optimum>> minimise(const Problem& problem) override;
  std::string name() const override { return name_; }

 private:
  std::string name_ = "clasp";
};

}  // namespace granary
