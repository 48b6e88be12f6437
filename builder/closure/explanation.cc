// First which wishes contradict each other, then which clauses among those that only these wishes reach; then a
// sentence for each conflict and each thing that is missing, with the chain of needs that leads to it.
#include "builder/closure/explanation.h"

#include <algorithm>
#include <map>
#include <set>

#include "builder/closure/contradiction.h"

namespace granary {

namespace {
bool contains(const Clause& clause, Literal literal) {
  return std::find(clause.begin(), clause.end(), literal) != clause.end();
}

// Tells a contradiction: a formulation, of which only some clauses matter.
class Story {
 public:
  Story(const Formulation& formulation, const std::vector<Wish>& wishes, ClauseNumbers clauses)
      : formulation_(formulation), universe_(*formulation.universe), wishes_(wishes), clauses_(std::move(clauses)) {}

  std::string tell() {
    for (const uint32_t number : clauses_) tell_clause(number);
    std::string text;
    for (const std::string& sentence : sentences_) text += (text.empty() ? "" : "; ") + sentence;
    return text;
  }

 private:
  void say(const std::string& sentence) {
    if (std::find(sentences_.begin(), sentences_.end(), sentence) == sentences_.end()) sentences_.push_back(sentence);
  }

  void tell_clause(uint32_t number) {
    const Reason& reason = formulation_.reasons[number];
    switch (reason.kind) {
      case Reason::Kind::kConflicts: return tell_conflict(reason);
      case Reason::Kind::kBreaks:
        return say(str(in_brackets(reason.package), " breaks ", name(reason.other), needs(reason.other)));
      case Reason::Kind::kOneVersion:
        return say(str(universe_.at(reason.package).name, " can be there in one version only: ",
                       version_of(reason.package), " or ", version_of(reason.other)));
      case Reason::Kind::kDepends:
        if (formulation_.problem.clauses[number].size() == 1) tell_missing(reason);
        return;
      case Reason::Kind::kWish:
        if (formulation_.problem.clauses[number].empty())
          say(str(wishes_[reason.wish].text,
                  wishes_[reason.wish].essential ? " is part of every system" : " is wished for",
                  ", and the recipe rules it out"));
        return;
      case Reason::Kind::kRecommends: return;
    }
  }

  // Both cannot stand each other: the one that somebody wished for comes first.
  void tell_conflict(const Reason& reason) {
    const bool turned = !needs(reason.package).empty() && needs(reason.other).empty();
    const PackageId first = turned ? reason.other : reason.package;
    const PackageId second = turned ? reason.package : reason.other;
    say(str(in_brackets(first), " conflicts with ", name(second), needs(second)));
  }

  void tell_missing(const Reason& reason) {
    const auto parsed = parse_relations(reason.relation);
    const bool ruled_out = parsed && !parsed->empty() && !universe_.matching(parsed->front()).empty();
    say(str(in_brackets(reason.package), " needs ", reason.relation,
            ruled_out ? ", which the recipe rules out" : ", which no archive has"));
  }

  std::string name(PackageId id) const {
    const PackageVersion& package = universe_.at(id);
    return universe_.versions_of(package.name).size() == 1 ? std::string(package.name)
                                                           : str(package.name, " ", package.version);
  }
  std::string in_brackets(PackageId id) const {
    const std::string chain = needs(id);
    return chain.empty() ? name(id) : str(name(id), " (", chain.substr(2), ")");
  }
  std::string version_of(PackageId id) const {
    const std::string chain = needs(id);
    return str(universe_.at(id).version, chain.empty() ? "" : " (" + chain.substr(2) + ")");
  }

  // ", needed by a, needed by b": up to a wish; empty for what was wished for itself.
  std::string needs(PackageId id) const {
    std::string text;
    std::set<PackageId> seen{id};
    for (;;) {
      const uint32_t* const number = who_needs(id);
      if (number == nullptr) return text;
      const Reason& reason = formulation_.reasons[*number];
      if (reason.kind == Reason::Kind::kWish) return text + as_wished(reason.wish, id);
      text += is_choice(*number) ? str(", one of ", reason.relation, " needed by ") : ", needed by ";
      text += name(reason.package);
      id = reason.package;
      if (!seen.insert(id).second) return text;
    }
  }

  std::string as_wished(uint32_t number, PackageId id) const {
    const Wish& wish = wishes_[number];
    if (wish.essential) return ", part of every system";
    return wish.text == universe_.at(id).name ? "" : ", wished for as " + wish.text;
  }

  const uint32_t* who_needs(PackageId id) const {
    const Literal variable = formulation_.variable_of(id);
    for (const uint32_t& number : clauses_) {
      const Reason::Kind kind = formulation_.reasons[number].kind;
      const bool needs = kind == Reason::Kind::kDepends || kind == Reason::Kind::kWish;
      if (needs && contains(formulation_.problem.clauses[number], variable)) return &number;
    }
    return nullptr;
  }

  // Whether packages of several names would do.
  bool is_choice(uint32_t number) const {
    std::set<std::string_view> names;
    for (const Literal literal : formulation_.problem.clauses[number]) {
      if (literal > 0) names.insert(universe_.at(formulation_.packages[static_cast<size_t>(literal)]).name);
    }
    return names.size() > 1;
  }

  const Formulation& formulation_;
  const Universe& universe_;
  const std::vector<Wish>& wishes_;
  const ClauseNumbers clauses_;
  std::vector<std::string> sentences_;
};

class Explainer {
 public:
  Explainer(const Universe& universe, const ShoppingList& list, Optimiser& optimiser)
      : universe_(universe), list_(list), optimiser_(optimiser) {}

  Result<Explanation> explain() {
    const Formulation all = TRY(formulate(list_.wishes));
    const std::vector<Wish> wishes = TRY(contradictory_wishes(all));
    const Formulation part = TRY(formulate(wishes));
    ClauseNumbers numbers(part.reasons.size());
    for (uint32_t number = 0; number < numbers.size(); ++number) numbers[number] = number;
    const ClauseNumbers core = TRY(smallest_contradiction(part.problem, numbers, {}, optimiser_));
    Explanation explanation{Story(part, wishes, core).tell(), {}};
    explanation.drop = TRY(wishes_to_drop(all));
    return explanation;
  }

 private:
  Result<Formulation> formulate(const std::vector<Wish>& wishes) const {
    return Formulation::make(universe_, wishes, list_.forbidden, false);
  }

  bool is_wished(const Reason& reason) const {
    return reason.kind == Reason::Kind::kWish && !list_.wishes[reason.wish].essential;
  }

  // Of the recipe's; with the Essential packages only where these wishes alone do not contradict each other.
  Result<std::vector<Wish>> contradictory_wishes(const Formulation& all) const {
    ClauseNumbers wished, background;
    for (uint32_t number = 0; number < all.reasons.size(); ++number)
      (is_wished(all.reasons[number]) ? wished : background).push_back(number);
    std::vector<Wish> wishes;
    for (const uint32_t number : TRY(smallest_contradiction(all.problem, wished, background, optimiser_)))
      wishes.push_back(list_.wishes[all.reasons[number].wish]);
    const Formulation alone = TRY(formulate(wishes));
    if (!wishes.empty() && !TRY(is_satisfiable(alone.problem, optimiser_))) return wishes;
    for (const Wish& wish : list_.wishes) {
      if (wish.essential) wishes.push_back(wish);
    }
    return wishes;
  }

  // As few as can be, and of those the later ones of the list: each wish may be bought off.
  Result<std::vector<std::string>> wishes_to_drop(const Formulation& all) const {
    Problem problem = all.problem;
    problem.levels.resize(2);
    std::map<Literal, uint32_t> bought_off;
    for (uint32_t number = 0; number < all.reasons.size(); ++number) {
      if (!is_wished(all.reasons[number])) continue;
      const auto price = static_cast<Literal>(++problem.variables);
      problem.clauses[number].push_back(price);
      problem.levels[0].push_back({{-price}, 1});
      problem.levels[1].push_back({{-price}, list_.wishes.size() - all.reasons[number].wish});
      bought_off.emplace(price, all.reasons[number].wish);
    }
    const std::optional<Optimum> best = TRY(optimiser_.minimise(problem));
    std::vector<std::string> names;
    for (const auto& [price, wish] : bought_off) {
      if (best && best->values[static_cast<size_t>(price)]) names.push_back(list_.wishes[wish].text);
    }
    return names;
  }

  const Universe& universe_;
  const ShoppingList& list_;
  Optimiser& optimiser_;
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
