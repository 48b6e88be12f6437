// Problem: choices between yes and no that must satisfy clauses, at the least cost. What a closure of packages comes
// down to, with nothing of packages left in it. A value type.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

// Variable v as +v, its opposite as -v; variables are numbered from 1.
using Literal = int32_t;
// One of which must hold.
using Clause = std::vector<Literal>;

// A clause that costs something when none of its literals holds.
struct SoftClause {
  Clause clause;
  uint64_t weight = 1;
};

struct Problem {
  uint32_t variables = 0;
  std::vector<Clause> clauses;
  std::vector<std::vector<SoftClause>> levels;  // of cost: the first matters most, the next only between equals
};

struct Optimum {
  std::vector<bool> values;     // by variable; the first, of number 0, means nothing
  std::vector<uint64_t> costs;  // by level
  bool unique = false;          // proved: no other choice costs the same
};

// What is left of a problem once everything that follows by itself has been decided.
struct Reduction {
  enum class Value : uint8_t { kOpen, kYes, kNo };

  bool contradictory = false;    // no choice satisfies the clauses: the rest means nothing
  std::vector<Value> values;     // by variable of the original
  std::vector<uint32_t> origin;  // by variable of `rest`: that of the original
  std::vector<uint64_t> costs;   // by level, of what is decided
  Problem rest;

  // An optimum of the rest, as one of the original.
  Optimum complete(const Optimum& of_rest) const;
};

// Decides what the clauses imply one by one (unit propagation), then says no to all variables that nothing left could
// want. That is right because saying yes is not free: at some level each variable must cost something by itself.
Reduction reduce(const Problem& problem);
// Only what the clauses imply.
Reduction propagate(const Problem& problem);

}  // namespace granary
