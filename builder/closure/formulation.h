// Formulation: what a shopping list asks of a universe, as a problem for a solver, each clause with its reason in terms
// of packages. Only what the wishes can reach has a variable. A value type that borrows the universe.
#pragma once

#include <string>
#include <vector>

#include "builder/closure/problem.h"
#include "builder/closure/universe.h"

namespace granary {

// One line of the shopping list: one of `candidates` must be there.
struct Wish {
  std::string text;                   // for people: "python3 (>= 3.11)"
  std::vector<PackageId> candidates;  // in order of preference
  bool essential = false;             // nobody asked: every system has it
  uint32_t recipe = 0;                // number of the recipe of the chain that wishes for it
};

struct Reason {
  enum class Kind { kWish, kDepends, kRecommends, kConflicts, kBreaks, kOneVersion } kind;
  uint32_t wish = 0;                 // kWish: its number
  PackageId package = 0, other = 0;  // who asks, and whom it cannot stand
  std::string relation;              // as its stanza writes it
};

struct Formulation {
  const Universe* universe = nullptr;
  Problem problem;                  // without levels
  std::vector<Reason> reasons;      // by clause
  std::vector<PackageId> packages;  // by variable; the first, of number 0, means nothing

  // Soft clauses, not part of the problem: the dependencies of which a later alternative would be a lesser choice, and
  // recommendations.
  std::vector<SoftClause> order;
  std::vector<SoftClause> recommendations;
  std::vector<Reason> recommendation_reasons;

  Literal variable_of(PackageId package) const;  // 0: it has none

  //   kCorrupt  a package in reach has relations that are none
  // `forbidden` tells, by package, what the recipe rules out.
  static Result<Formulation> make(const Universe& universe, const std::vector<Wish>& wishes,
                                  const std::vector<bool>& forbidden, bool with_recommendations);

 private:
  std::vector<Literal> variables_;  // by package
};

}  // namespace granary
