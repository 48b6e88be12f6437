// Which wishes contradict each other: QuickXplain (Junker, AAAI 2004) finds a smallest set of which none can be left
// out by halving. Then the same with the clauses that only these wishes reach.
#include "builder/closure/explanation.h"

#include <algorithm>
#include <functional>
#include <map>

#include "fs/base/bytes.h"

namespace granary {

namespace {
// Numbers of what may be left out, in the order of preference: what comes first is kept in the explanation.
using Numbers = std::vector<uint32_t>;
using Satisfiable = std::function<Result<bool>(const Numbers&)>;

class Shrinker {
 public:
  explicit Shrinker(Satisfiable satisfiable) : satisfiable_(std::move(satisfiable)) {}

  // A subset of `all` that is contradictory, and no longer when any one is left out. `all` is contradictory.
  Result<Numbers> shrink(const Numbers& all) {
    if (!TRY(satisfiable_({}))) return Numbers{};
    return shrink({}, false, all);
  }

 private:
  Result<Numbers> shrink(const Numbers& kept, bool kept_has_grown, const Numbers& candidates) {
    if (kept_has_grown && !TRY(satisfiable_(kept))) return Numbers{};
    if (candidates.size() == 1) return candidates;
    const auto middle = candidates.begin() + static_cast<ptrdiff_t>(candidates.size() / 2);
    const Numbers first(candidates.begin(), middle), second(middle, candidates.end());
    const Numbers of_second = TRY(shrink(joined(kept, first), !first.empty(), second));
    Numbers of_first = TRY(shrink(joined(kept, of_second), !of_second.empty(), first));
    return joined(std::move(of_first), of_second);
  }

  static Numbers joined(Numbers left, const Numbers& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
  }

  const Satisfiable satisfiable_;
};

Result<bool> is_satisfiable(const Problem& problem, Optimiser& optimiser) {
  const Reduction reduction = propagate(problem);
  if (reduction.contradictory) return false;
  if (reduction.rest.clauses.empty()) return true;
  return TRY(optimiser.minimise(reduction.rest)).has_value();
}

// The problem without clauses that are not among `numbers`.
Problem with_clauses(const Formulation& formulation, const Numbers& numbers) {
  Problem problem{formulation.problem.variables, {}, {}};
  for (const uint32_t number : numbers) problem.clauses.push_back(formulation.problem.clauses[number]);
  return problem;
}

class Explainer {
 public:
  Explainer(const Universe& universe, const ShoppingList& list, Optimiser& optimiser)
      : universe_(universe), list_(list), optimiser_(optimiser) {}

  Result<Explanation> explain() {
    const Numbers wishes = TRY(contradictory_wishes());
    const Formulation formulation = TRY(formulate(wishes));
    const Numbers clauses = TRY(contradictory_clauses(formulation));
    Explanation explanation{told(formulation, clauses), {}};
    explanation.drop = TRY(wishes_to_drop());
    return explanation;
  }

 private:
  // Of the recipe's; the Essential packages are there whatever is wished for.
  Result<Numbers> contradictory_wishes() {
    const Formulation all = TRY(Formulation::make(universe_, list_.wishes, list_.forbidden, false));
    Numbers wished, background;
    for (uint32_t number = 0; number < all.reasons.size(); ++number) {
      const Reason& reason = all.reasons[number];
      const bool is_wish = reason.kind == Reason::Kind::kWish && !list_.wishes[reason.wish].essential;
      (is_wish ? wished : background).push_back(number);
    }
    Shrinker shrinker([&](const Numbers& numbers) {
      Numbers clauses = background;
      clauses.insert(clauses.end(), numbers.begin(), numbers.end());
      return is_satisfiable(with_clauses(all, clauses), optimiser_);
    });
    Numbers wishes;
    for (const uint32_t number : TRY(shrinker.shrink(wished))) wishes.push_back(all.reasons[number].wish);
    return wishes;
  }

  // With the Essential packages only as far as these wishes do not contradict each other without them.
  Result<Formulation> formulate(const Numbers& wishes) {
    wishes_.clear();
    for (const uint32_t number : wishes) wishes_.push_back(list_.wishes[number]);
    Formulation alone = TRY(Formulation::make(universe_, wishes_, list_.forbidden, false));
    if (!wishes.empty() && !TRY(is_satisfiable(alone.problem, optimiser_))) return alone;
    for (const Wish& wish : list_.wishes) {
      if (wish.essential) wishes_.push_back(wish);
    }
    return Formulation::make(universe_, wishes_, list_.forbidden, false);
  }

  Result<Numbers> contradictory_clauses(const Formulation& formulation) {
    Shrinker shrinker(
        [&](const Numbers& numbers) { return is_satisfiable(with_clauses(formulation, numbers), optimiser_); });
    Numbers all(formulation.reasons.size());
    for (uint32_t number = 0; number < all.size(); ++number) all[number] = number;
    return shrinker.shrink(all);
  }

  // As few as can be, the later ones of the list rather than the earlier.
  Result<std::vector<std::string>> wishes_to_drop() {
    const Formulation all = TRY(Formulation::make(universe_, list_.wishes, list_.forbidden, false));
    Problem problem{all.problem.variables, {}, {{}, {}}};
    for (uint32_t number = 0; number < all.reasons.size(); ++number) {
      const Reason& reason = all.reasons[number];
      const bool is_wish = reason.kind == Reason::Kind::kWish && !list_.wishes[reason.wish].essential;
      if (!is_wish) {
        problem.clauses.push_back(all.problem.clauses[number]);
        continue;
      }
      const auto dropped = static_cast<Literal>(++problem.variables);
      Clause clause = all.problem.clauses[number];
      clause.push_back(dropped);
      problem.clauses.push_back(std::move(clause));
      problem.levels[0].push_back({{-dropped}, 1});
      problem.levels[1].push_back({{-dropped}, list_.wishes.size() - reason.wish});
      dropped_.emplace(dropped, reason.wish);
    }
    const std::optional<Optimum> best = TRY(optimiser_.minimise(problem));
    std::vector<std::string> names;
    if (!best) return names;
    for (const auto& [variable, wish] : dropped_) {
      if (best->values[static_cast<size_t>(variable)]) names.push_back(list_.wishes[wish].text);
    }
    return names;
  }

  std::string name(PackageId id) const {
    const PackageVersion& package = universe_.at(id);
    const bool only_one = universe_.versions_of(package.name).size() == 1;
    return only_one ? std::string(package.name) : str(package.name, " ", package.version);
  }

  // "emacs-gtk, needed by proofgeneral": from a package up to a wish, along the clauses of the explanation.
  std::string with_needers(const Formulation& formulation, const Numbers& clauses, PackageId id) const {
    std::string text = name(id);
    std::vector<PackageId> seen{id};
    for (;;) {
      const Reason* const needer = needer_of(formulation, clauses, id);
      if (needer == nullptr) return text;
      if (needer->kind == Reason::Kind::kWish) {
        const Wish& wish = wishes_[needer->wish];
        if (wish.essential) return text + (seen.size() == 1 ? " (which every system has)" : ", which every system has");
        return wish.candidates.size() > 1 && universe_.at(id).name != wish.text
                   ? str(text, ", wished for as ", wish.text)
                   : text;
      }
      id = needer->package;
      if (std::find(seen.begin(), seen.end(), id) != seen.end()) return text;
      seen.push_back(id);
      text += ", needed by " + name(id);
    }
  }

  const Reason* needer_of(const Formulation& formulation, const Numbers& clauses, PackageId id) const {
    const Literal variable = formulation.variable_of(id);
    for (const uint32_t number : clauses) {
      const Reason& reason = formulation.reasons[number];
      const Clause& clause = formulation.problem.clauses[number];
      const bool needs = reason.kind == Reason::Kind::kDepends || reason.kind == Reason::Kind::kWish;
      if (needs && std::find(clause.begin(), clause.end(), variable) != clause.end()) return &reason;
    }
    return nullptr;
  }

  std::string told(const Formulation& formulation, const Numbers& clauses) const {
    std::vector<std::string> sentences;
    const auto say = [&](const std::string& sentence) {
      if (std::find(sentences.begin(), sentences.end(), sentence) == sentences.end()) sentences.push_back(sentence);
    };
    for (const uint32_t number : clauses) {
      const Reason& reason = formulation.reasons[number];
      const auto subject = [&](PackageId id) { return with_needers(formulation, clauses, id); };
      const bool has_choice = formulation.problem.clauses[number].size() > 1;
      switch (reason.kind) {
        case Reason::Kind::kConflicts: say(subject_first(formulation, clauses, reason, " conflicts with ")); break;
        case Reason::Kind::kBreaks: say(subject_first(formulation, clauses, reason, " breaks ")); break;
        case Reason::Kind::kOneVersion:
          say(str("only one version can be there of ", subject(reason.package), " and ", subject(reason.other)));
          break;
        case Reason::Kind::kDepends:
          if (!has_choice)
            say(str(name(reason.package), " needs ", reason.relation, why_missing(reason.relation),
                    needed_by(formulation, clauses, reason.package)));
          break;
        default: break;
      }
    }
    std::string text;
    for (const std::string& sentence : sentences) text += (text.empty() ? "" : "; ") + sentence;
    return text;
  }

  std::string subject_first(const Formulation& formulation, const Numbers& clauses, const Reason& reason,
                            const char* verb) const {
    return str(with_needers_of_asker(formulation, clauses, reason.package), verb,
               with_needers(formulation, clauses, reason.other));
  }

  // The asker's own needers go before it, so that the sentence stays one.
  std::string with_needers_of_asker(const Formulation& formulation, const Numbers& clauses, PackageId id) const {
    const std::string told = with_needers(formulation, clauses, id);
    const size_t comma = told.find(", needed by ");
    return comma == std::string::npos ? told : str(told.substr(0, comma), " (", told.substr(comma + 2), ")");
  }

  std::string needed_by(const Formulation& formulation, const Numbers& clauses, PackageId id) const {
    const std::string told = with_needers(formulation, clauses, id);
    const size_t comma = told.find(", needed by ");
    return comma == std::string::npos ? "" : str(" (", name(id), " is ", told.substr(comma + 2), ")");
  }

  std::string why_missing(const std::string& relation) const {
    const auto parsed = parse_relations(relation);
    const bool ruled_out = parsed && !parsed->empty() && !universe_.matching(parsed->front()).empty();
    return ruled_out ? ", which the recipe rules out" : ", which no archive has";
  }

  const Universe& universe_;
  const ShoppingList& list_;
  Optimiser& optimiser_;
  std::vector<Wish> wishes_;  // of the formulation that is told
  std::map<Literal, uint32_t> dropped_;
};
}  // namespace

std::string Explanation::text() const {
  std::string text = "these packages cannot be had together: " + why;
  for (const std::string& wish : drop) text += (&wish == drop.data() ? "\nit works without " : ", ") + wish;
  return text;
}

Result<Explanation> explain(const Universe& universe, const ShoppingList& list, Optimiser& optimiser) {
  return Explainer(universe, list, optimiser).explain();
}

}  // namespace granary
