// Unit propagation with counters: each clause knows how many of its literals are not yet false; when one is left, it
// must hold. Then a sweep for what is wanted: a clause whose negated variables are all wanted (or decided yes) wants
// its positive ones. Taking everything unwanted out of a best choice leaves every clause satisfied and costs less, so
// the best choice has none of it.
#include "builder/closure/problem.h"

namespace granary {

namespace {
using Value = Reduction::Value;

uint32_t variable_of(Literal literal) { return static_cast<uint32_t>(literal < 0 ? -literal : literal); }
size_t slot_of(Literal literal) { return 2 * size_t{variable_of(literal)} + (literal < 0 ? 1 : 0); }

class Reducer {
 public:
  explicit Reducer(const Problem& problem)
      : problem_(problem),
        occurrences_(2 * (size_t{problem.variables} + 1)),
        open_literals_(problem.clauses.size()),
        satisfied_(problem.clauses.size()),
        values_(size_t{problem.variables} + 1, Value::kOpen) {
    for (uint32_t number = 0; number < problem.clauses.size(); ++number) {
      const Clause& clause = problem.clauses[number];
      open_literals_[number] = static_cast<uint32_t>(clause.size());
      for (const Literal literal : clause) occurrences_[slot_of(literal)].push_back(number);
      if (clause.empty()) contradictory_ = true;
      if (clause.size() == 1) queue_.push_back(clause.front());
    }
  }

  void propagate() {
    while (!queue_.empty() && !contradictory_) {
      const Literal literal = queue_.back();
      queue_.pop_back();
      decide(literal);
    }
  }

  void drop_unwanted() {
    if (contradictory_) return;
    mark_wanted();
    for (uint32_t variable = 1; variable <= problem_.variables; ++variable) {
      if (values_[variable] == Value::kOpen && !wanted_[variable]) queue_.push_back(-static_cast<Literal>(variable));
    }
    propagate();
  }

  Reduction result() const {
    Reduction reduction;
    reduction.contradictory = contradictory_;
    reduction.values = values_;
    reduction.costs.resize(problem_.levels.size());
    if (contradictory_) return reduction;
    std::vector<uint32_t> renumbered(values_.size(), 0);
    reduction.origin.push_back(0);
    for (uint32_t variable = 1; variable <= problem_.variables; ++variable) {
      if (values_[variable] != Value::kOpen) continue;
      renumbered[variable] = static_cast<uint32_t>(reduction.origin.size());
      reduction.origin.push_back(variable);
    }
    Problem& rest = reduction.rest;
    rest.variables = static_cast<uint32_t>(reduction.origin.size()) - 1;
    for (uint32_t number = 0; number < problem_.clauses.size(); ++number) {
      if (!satisfied_[number]) rest.clauses.push_back(remainder(problem_.clauses[number], renumbered));
    }
    rest.levels.resize(problem_.levels.size());
    for (size_t level = 0; level < problem_.levels.size(); ++level) {
      for (const SoftClause& soft : problem_.levels[level]) {
        if (holds(soft.clause)) continue;
        Clause left = remainder(soft.clause, renumbered);
        if (left.empty()) {
          reduction.costs[level] += soft.weight;
        } else {
          rest.levels[level].push_back({std::move(left), soft.weight});
        }
      }
    }
    return reduction;
  }

 private:
  Value value_of(Literal literal) const {
    const Value value = values_[variable_of(literal)];
    if (value == Value::kOpen || literal > 0) return value;
    return value == Value::kYes ? Value::kNo : Value::kYes;
  }

  bool holds(const Clause& clause) const {
    for (const Literal literal : clause) {
      if (value_of(literal) == Value::kYes) return true;
    }
    return false;
  }

  Clause remainder(const Clause& clause, const std::vector<uint32_t>& renumbered) const {
    Clause left;
    for (const Literal literal : clause) {
      if (value_of(literal) != Value::kOpen) continue;
      const auto number = static_cast<Literal>(renumbered[variable_of(literal)]);
      left.push_back(literal < 0 ? -number : number);
    }
    return left;
  }

  void decide(Literal literal) {
    if (value_of(literal) == Value::kYes) return;
    if (value_of(literal) == Value::kNo) {
      contradictory_ = true;
      return;
    }
    values_[variable_of(literal)] = literal > 0 ? Value::kYes : Value::kNo;
    for (const uint32_t number : occurrences_[slot_of(literal)]) satisfied_[number] = true;
    for (const uint32_t number : occurrences_[slot_of(-literal)]) {
      if (satisfied_[number]) continue;
      const uint32_t left = --open_literals_[number];
      if (left == 0) contradictory_ = true;
      if (left == 1) require_last(problem_.clauses[number]);
    }
  }

  void require_last(const Clause& clause) {
    for (const Literal literal : clause) {
      if (value_of(literal) == Value::kOpen) queue_.push_back(literal);
    }
  }

  // The first level at which each variable costs something by itself: levels after it want nothing.
  size_t decisive_level() const {
    for (size_t level = 0; level < problem_.levels.size(); ++level) {
      std::vector<bool> costs(values_.size(), false);
      uint32_t count = 0;
      for (const auto& [clause, weight] : problem_.levels[level]) {
        if (clause.size() != 1 || clause.front() > 0 || weight == 0) continue;
        const uint32_t variable = variable_of(clause.front());
        count += costs[variable] ? 0 : 1;
        costs[variable] = true;
      }
      if (count == problem_.variables) return level;
    }
    return problem_.levels.size();
  }

  // A clause wants its positive variables as soon as it has no unwanted open variable negated.
  void mark_wanted() {
    wanted_.assign(values_.size(), false);
    std::vector<const Clause*> armed;
    std::vector<std::vector<const Clause*>> waiting(values_.size());
    const auto place = [&](const Clause& clause) {
      for (const Literal literal : clause) {
        if (literal < 0 && value_of(literal) == Value::kOpen && !wanted_[variable_of(literal)])
          return waiting[variable_of(literal)].push_back(&clause);
      }
      armed.push_back(&clause);
    };
    for (uint32_t number = 0; number < problem_.clauses.size(); ++number) {
      if (!satisfied_[number]) place(problem_.clauses[number]);
    }
    for (size_t level = 0; level < decisive_level(); ++level) {
      for (const SoftClause& soft : problem_.levels[level]) {
        if (!holds(soft.clause)) place(soft.clause);
      }
    }
    while (!armed.empty()) {
      const Clause& clause = *armed.back();
      armed.pop_back();
      for (const Literal literal : clause) {
        const uint32_t variable = variable_of(literal);
        if (literal < 0 || value_of(literal) != Value::kOpen || wanted_[variable]) continue;
        wanted_[variable] = true;
        for (const Clause* waiter : std::exchange(waiting[variable], {})) place(*waiter);
      }
    }
  }

  const Problem& problem_;
  std::vector<std::vector<uint32_t>> occurrences_;  // by literal: numbers of clauses
  std::vector<uint32_t> open_literals_;             // by clause
  std::vector<bool> satisfied_;                     // by clause
  std::vector<Value> values_;
  std::vector<bool> wanted_;
  std::vector<Literal> queue_;
  bool contradictory_ = false;
};
}  // namespace

Optimum Reduction::complete(const Optimum& of_rest) const {
  Optimum optimum;
  optimum.unique = of_rest.unique;
  optimum.costs = costs;
  for (size_t level = 0; level < of_rest.costs.size(); ++level) optimum.costs[level] += of_rest.costs[level];
  for (const Value value : values) optimum.values.push_back(value == Value::kYes);
  for (size_t variable = 1; variable < origin.size(); ++variable)
    optimum.values[origin[variable]] = of_rest.values[variable];
  return optimum;
}

Reduction propagate(const Problem& problem) {
  Reducer reducer(problem);
  reducer.propagate();
  return reducer.result();
}

Reduction reduce(const Problem& problem) {
  Reducer reducer(problem);
  reducer.propagate();
  reducer.drop_unwanted();
  return reducer.result();
}

}  // namespace granary
