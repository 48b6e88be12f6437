// QuickXplain (Junker, "Preferred explanations and relaxations for over-constrained problems", AAAI 2004): halves the
// candidates, keeps one half for sure while it looks for what the other has to add, and the other way round. It asks
// about k log(n / k) questions where k of n candidates are the answer.
#include "builder/closure/contradiction.h"

namespace granary {

namespace {
class Halver {
 public:
  Halver(const Problem& problem, const ClauseNumbers& background, Optimiser& optimiser)
      : problem_(problem), background_(background), optimiser_(optimiser) {}

  // What of `candidates` is needed beside `kept`; `grown`: `kept` has more than when it was asked about last.
  Result<ClauseNumbers> find(const ClauseNumbers& kept, bool grown, const ClauseNumbers& candidates) {
    if (grown && !TRY(holds(kept))) return ClauseNumbers{};
    if (candidates.size() <= 1) return candidates;
    const auto middle = candidates.begin() + static_cast<ptrdiff_t>(candidates.size() / 2);
    const ClauseNumbers first(candidates.begin(), middle), second(middle, candidates.end());
    const ClauseNumbers of_second = TRY(find(joined(kept, first), true, second));
    const ClauseNumbers of_first = TRY(find(joined(kept, of_second), !of_second.empty(), first));
    return joined(of_first, of_second);
  }

  Result<bool> holds(const ClauseNumbers& numbers) {
    Problem part{problem_.variables, {}, {}};
    for (const auto* list : {&background_, &numbers}) {
      for (const uint32_t number : *list) part.clauses.push_back(problem_.clauses[number]);
    }
    return is_satisfiable(part, optimiser_);
  }

 private:
  static ClauseNumbers joined(ClauseNumbers left, const ClauseNumbers& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
  }

  const Problem& problem_;
  const ClauseNumbers& background_;
  Optimiser& optimiser_;
};
}  // namespace

Result<bool> is_satisfiable(const Problem& problem, Optimiser& optimiser) {
  const Reduction reduction = propagate(problem);
  if (reduction.contradictory) return false;
  if (reduction.rest.clauses.empty()) return true;
  return TRY(optimiser.minimise(reduction.rest)).has_value();
}

Result<ClauseNumbers> smallest_contradiction(const Problem& problem, const ClauseNumbers& candidates,
                                             const ClauseNumbers& background, Optimiser& optimiser) {
  Halver halver(problem, background, optimiser);
  if (!TRY(halver.holds({}))) return ClauseNumbers{};
  return halver.find({}, false, candidates);
}

}  // namespace granary
