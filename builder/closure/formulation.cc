// A variable stands for "this version of this package is there". What a package depends on becomes
// (not p, or a, or b …); what it cannot stand (not p, or not q); two versions of a name (not p1, or not p2).
#include "builder/closure/formulation.h"

#include <algorithm>

namespace granary {

namespace {
class Maker {
 public:
  Maker(const Universe& universe, const std::vector<bool>& forbidden, bool with_recommendations)
      : universe_(universe),
        forbidden_(forbidden),
        with_recommendations_(with_recommendations),
        reached_(universe.size(), false) {}

  Status reach(const std::vector<Wish>& wishes) {
    for (const Wish& wish : wishes) {
      for (const PackageId id : wish.candidates) touch(id);
    }
    while (!queue_.empty()) {
      const PackageId id = queue_.back();
      queue_.pop_back();
      Relations relations = TRY(universe_.relations_of(id));
      for (const Alternatives& each : relations.depends) touch_all(each);
      if (with_recommendations_) {
        for (const Alternatives& each : relations.recommends) touch_all(each);
      }
      relations_.push_back(std::move(relations));
      order_.push_back(id);
    }
    return Done{};
  }

  Formulation formulate(const std::vector<Wish>& wishes, std::vector<Literal>& variables) {
    number_variables(variables);
    variables_ = &variables;
    for (uint32_t number = 0; number < wishes.size(); ++number) {
      Clause clause;
      for (const PackageId id : wishes[number].candidates) add_literal(clause, id);
      add(std::move(clause), {Reason::Kind::kWish, number, 0, 0, {}});
      prefer_the_first(wishes[number].candidates);
    }
    for (const size_t at : by_package()) formulate_package(order_[at], relations_[at]);
    add_single_versions();
    return std::move(made_);
  }

 private:
  void touch(PackageId id) {
    if (forbidden_[id] || reached_[id]) return;
    reached_[id] = true;
    queue_.push_back(id);
  }
  void touch_all(const Alternatives& alternatives) {
    for (const Relation& relation : alternatives) {
      for (const PackageId id : universe_.matching(relation)) touch(id);
    }
  }

  void number_variables(std::vector<Literal>& variables) {
    variables.assign(universe_.size(), 0);
    made_.universe = &universe_;
    made_.packages.push_back(0);
    for (PackageId id = 0; id < universe_.size(); ++id) {
      if (!reached_[id]) continue;
      variables[id] = static_cast<Literal>(made_.packages.size());
      made_.packages.push_back(id);
    }
    made_.problem.variables = static_cast<uint32_t>(made_.packages.size()) - 1;
  }

  // Places in order_, by the numbers of the packages there: the order in which they were reached is forgotten.
  std::vector<size_t> by_package() const {
    std::vector<size_t> places(order_.size());
    for (size_t at = 0; at < places.size(); ++at) places[at] = at;
    std::sort(places.begin(), places.end(), [&](size_t a, size_t b) { return order_[a] < order_[b]; });
    return places;
  }

  void add(Clause clause, Reason reason) {
    made_.problem.clauses.push_back(std::move(clause));
    made_.reasons.push_back(std::move(reason));
  }
  void add_literal(Clause& clause, PackageId id) const {
    const Literal literal = (*variables_)[id];
    if (literal != 0 && std::find(clause.begin(), clause.end(), literal) == clause.end()) clause.push_back(literal);
  }

  void formulate_package(PackageId id, const Relations& relations) {
    for (const Alternatives& each : relations.depends) {
      if (auto clause = clause_of(id, each, made_.order))
        add(std::move(*clause), {Reason::Kind::kDepends, 0, id, 0, text_of(each)});
    }
    if (with_recommendations_) {
      for (const Alternatives& each : relations.recommends) recommend(id, each);
    }
    for (const Relation& each : relations.conflicts) forbid(id, each, Reason::Kind::kConflicts);
    for (const Relation& each : relations.breaks) forbid(id, each, Reason::Kind::kBreaks);
  }

  // Nothing when the package satisfies itself. Each alternative but the last adds a soft clause that ends with it: the
  // later the first one that is there, the more it costs.
  std::optional<Clause> clause_of(PackageId id, const Alternatives& alternatives,
                                  std::vector<SoftClause>& order) const {
    Clause clause{-(*variables_)[id]};
    std::vector<SoftClause> preferences;
    for (const Relation& relation : alternatives) {
      if (clause.size() > 1) preferences.push_back({clause, 1});
      for (const PackageId candidate : universe_.matching(relation)) {
        if (candidate == id) return std::nullopt;
        add_literal(clause, candidate);
      }
    }
    for (SoftClause& each : preferences) {
      if (each.clause.size() < clause.size()) order.push_back(std::move(each));
    }
    return clause;
  }

  // Recommendations that nothing can satisfy are left out.
  void recommend(PackageId id, const Alternatives& alternatives) {
    std::vector<SoftClause> order;
    auto clause = clause_of(id, alternatives, order);
    if (!clause || clause->size() == 1) return;
    made_.recommendations.push_back({std::move(*clause), 1});
    made_.recommendation_reasons.push_back({Reason::Kind::kRecommends, 0, id, 0, text_of(alternatives)});
  }

  // A package never keeps itself out, nor another version of its own name more than that is kept out anyway.
  void forbid(PackageId id, Relation relation, Reason::Kind kind) {
    if (relation.architecture == "any") relation.architecture = {};  // here it asks for no permission
    for (const PackageId other : universe_.matching(relation)) {
      if (!reached_[other] || universe_.at(other).name == universe_.at(id).name) continue;
      add({-(*variables_)[id], -(*variables_)[other]}, {kind, 0, id, other, text_of(relation)});
    }
  }

  void prefer_the_first(const std::vector<PackageId>& candidates) {
    if (candidates.empty()) return;
    Clause clause;
    for (const PackageId id : candidates) {
      if (universe_.at(id).name == universe_.at(candidates.front()).name) add_literal(clause, id);
    }
    if (!clause.empty() && clause.size() < candidates.size()) made_.order.push_back({std::move(clause), 1});
  }

  void add_single_versions() {
    const auto& packages = made_.packages;
    for (size_t first = 1; first < packages.size(); ++first) {
      for (size_t second = first + 1; second < packages.size(); ++second) {
        if (universe_.at(packages[first]).name != universe_.at(packages[second]).name) break;
        add({-static_cast<Literal>(first), -static_cast<Literal>(second)},
            {Reason::Kind::kOneVersion, 0, packages[first], packages[second], {}});
      }
    }
  }

  const Universe& universe_;
  const std::vector<bool>& forbidden_;
  const bool with_recommendations_;
  std::vector<bool> reached_;
  std::vector<PackageId> queue_;
  std::vector<PackageId> order_;  // as reached
  std::vector<Relations> relations_;
  const std::vector<Literal>* variables_ = nullptr;
  Formulation made_;
};
}  // namespace

Literal Formulation::variable_of(PackageId package) const { return variables_[package]; }

Result<Formulation> Formulation::make(const Universe& universe, const std::vector<Wish>& wishes,
                                      const std::vector<bool>& forbidden, bool with_recommendations) {
  Maker maker(universe, forbidden, with_recommendations);
  TRY(maker.reach(wishes));
  std::vector<Literal> variables;
  Formulation made = maker.formulate(wishes, variables);
  made.variables_ = std::move(variables);
  return made;
}

}  // namespace granary
