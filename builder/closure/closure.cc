// The levels of cost, the first mattering most: recommendations left out (while one round of them is asked for), newer
// versions passed over, packages, later alternatives taken, priorities (of three that provide awk, the archive calls
// one required), and weights drawn from a hash of name and version, which tell apart what is equal otherwise. The
// solver proves that no second choice costs the same; were there one, further weights would be drawn.
//
// Recommendations are asked for in rounds: first those of the packages that must be there, then those of what came in
// with them, and so on. What one round got is kept; what it could not get is not asked for again. So a recommendation
// is never turned down for those it would bring along.
#include "builder/closure/closure.h"

#include <algorithm>

#include "fs/base/digest.h"

namespace granary {

namespace {
constexpr uint64_t kMaxWeight = 1 << 20;
constexpr uint32_t kMostDraws = 4;

uint64_t drawn_weight(const PackageVersion& package, uint32_t draw) {
  ByteWriter text;
  text.string(package.name).string(package.version).u32(draw);
  const Digest digest = Digest::of(text.view());
  ByteReader reader(digest.raw());
  return reader.u32() % kMaxWeight + 1;
}

// How far from what Debian expects to find everywhere.
uint64_t rank_of(std::string_view priority) {
  constexpr std::string_view kPriorities[] = {"required", "important", "standard", "optional"};
  return static_cast<uint64_t>(std::ranges::find(kPriorities, priority) - std::begin(kPriorities));
}

bool holds(const Clause& clause, const Optimum& optimum) {
  for (const Literal literal : clause) {
    if (optimum.values[static_cast<size_t>(literal < 0 ? -literal : literal)] == (literal > 0)) return true;
  }
  return false;
}

bool contains_package_of(const Clause& recommendation, const Optimum& optimum) {
  return optimum.values[static_cast<size_t>(-recommendation.front())];  // the first literal: not the one who recommends
}

// Knows whether anything was left to ask.
class Witness : public Optimiser {
 public:
  explicit Witness(Optimiser& asked) : asked_(asked) {}
  Result<std::optional<Optimum>> minimise(const Problem& problem) override {
    was_asked_ = true;
    return asked_.minimise(problem);
  }
  std::string name() const override { return was_asked_ ? asked_.name() : "propagation"; }

 private:
  Optimiser& asked_;
  bool was_asked_ = false;
};

class Finder {
 public:
  Finder(const Formulation& formulation, Optimiser& optimiser)
      : formulation_(formulation), optimiser_(optimiser), problem_(formulation.problem) {
    levels_.resize(5);
    for (uint32_t variable = 1; variable <= problem_.variables; ++variable) {
      const PackageVersion& package = package_of(variable);
      const Clause no{-static_cast<Literal>(variable)};
      if (package.newer > 0) levels_[1].push_back({no, package.newer});
      levels_[2].push_back({no, 1});
      if (const uint64_t rank = rank_of(package.priority); rank > 0) levels_[4].push_back({no, rank});
    }
    levels_[3] = formulation.order;
    add_draw();
  }

  Result<std::optional<Optimum>> find() {
    std::optional<Optimum> best = TRY(minimise({}));
    std::vector<bool> asked(formulation_.recommendations.size(), false);
    while (best) {
      const std::vector<SoftClause> round = next_round(*best, asked);
      if (round.empty()) break;
      best = TRY(minimise(round));
      for (const SoftClause& each : round) {
        if (holds(each.clause, *best)) problem_.clauses.push_back(each.clause);
      }
    }
    return best;
  }

 private:
  const PackageVersion& package_of(uint32_t variable) const {
    return formulation_.universe->at(formulation_.packages[variable]);
  }

  void add_draw() {
    std::vector<SoftClause> weights;
    for (uint32_t variable = 1; variable <= problem_.variables; ++variable)
      weights.push_back({{-static_cast<Literal>(variable)}, drawn_weight(package_of(variable), draws_)});
    levels_.push_back(std::move(weights));
    ++draws_;
  }

  std::vector<SoftClause> next_round(const Optimum& best, std::vector<bool>& asked) const {
    std::vector<SoftClause> round;
    for (size_t number = 0; number < asked.size(); ++number) {
      const SoftClause& each = formulation_.recommendations[number];
      if (asked[number] || !contains_package_of(each.clause, best)) continue;
      asked[number] = true;
      round.push_back(each);
    }
    return round;
  }

  Result<std::optional<Optimum>> minimise(const std::vector<SoftClause>& recommendations) {
    levels_[0] = recommendations;
    for (;;) {
      problem_.levels = levels_;
      std::optional<Optimum> best = TRY(minimise_reduced(problem_, optimiser_));
      if (!best || best->unique) return best;
      if (draws_ == kMostDraws) return Error{Code::kInternal, "two closures cannot be told apart"};
      add_draw();
    }
  }

  const Formulation& formulation_;
  Optimiser& optimiser_;
  Problem problem_;
  std::vector<std::vector<SoftClause>> levels_;
  uint32_t draws_ = 0;
};
}  // namespace

Result<std::optional<Closure>> find_closure(const Formulation& formulation, Optimiser& optimiser) {
  Witness witness(optimiser);
  const Reduction reduction = reduce(formulation.problem);
  const std::optional<Optimum> best = TRY(Finder(formulation, witness).find());
  if (!best) return std::optional<Closure>();
  Closure closure;
  for (uint32_t variable = 1; variable <= formulation.problem.variables; ++variable) {
    if (best->values[variable]) closure.packages.push_back(formulation.packages[variable]);
  }
  closure.solver = witness.name();
  closure.skipped_newer = best->costs[1];
  for (const SoftClause& each : formulation.recommendations)
    closure.recommendations_left += holds(each.clause, *best) ? 0 : 1;
  closure.variables = formulation.problem.variables;
  closure.clauses = formulation.problem.clauses.size();
  closure.open_variables = reduction.rest.variables;
  closure.open_clauses = reduction.rest.clauses.size();
  return std::optional<Closure>(std::move(closure));
}

}  // namespace granary
