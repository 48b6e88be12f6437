// Small random universes, in which all sets of packages can be tried: the closure must be the best of them.
#include <gtest/gtest.h>

#include "support/seed.h"
#include "support/small_universe.h"

namespace granary {
namespace {

class RandomUniverse {
 public:
  explicit RandomUniverse(std::mt19937_64& random) : random_(random) {}

  std::string text() {
    std::string all;
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
      for (size_t version = 1; version <= 1 + below(3); ++version)
        all += stanza(name, std::to_string(version), fields());
    }
    return all;
  }
  std::string name() { return std::string(1, static_cast<char>('a' + below(6))); }
  size_t below(size_t limit) { return random_() % limit; }

 private:
  std::string relation() {
    static constexpr const char* kBounds[] = {"", "", " (>= 2)", " (<< 2)", " (= 1)", " (>> 1)"};
    return (below(6) == 0 ? "v" : name()) + kBounds[below(std::size(kBounds))];
  }
  std::string fields() {
    std::string text = "Priority: optional";
    for (size_t left = below(3); left > 0; --left) {
      depends_ = relation();
      for (size_t more = below(3); more > 0; --more) depends_ += " | " + relation();
      text += "\nDepends-" + std::to_string(left) + ": x";  // a field of no meaning
    }
    if (!depends_.empty() && below(2) == 0)
      text += "\nDepends: " + depends_ + ", " + relation();
    else if (!depends_.empty())
      text += "\nDepends: " + depends_;
    depends_.clear();
    if (below(4) == 0) text += "\nConflicts: " + relation();
    if (below(6) == 0) text += "\nBreaks: " + relation();
    if (below(4) == 0) text += "\nProvides: v" + std::string(below(2) == 0 ? " (= 2)" : "");
    return text;
  }

  std::mt19937_64& random_;
  std::string depends_;
};

// The meaning of a closure, written down once more without clauses.
class BruteForce {
 public:
  BruteForce(const Universe& universe, const std::vector<Wish>& wishes) : universe_(universe), wishes_(wishes) {
    for (PackageId id = 0; id < universe.size(); ++id) relations_.push_back(*universe.relations_of(id));
  }

  // Skipped versions and packages of the best set; nothing when there is none.
  std::optional<std::pair<uint64_t, uint64_t>> best() const {
    std::optional<std::pair<uint64_t, uint64_t>> found;
    for (uint32_t set = 0; set < uint32_t{1} << universe_.size(); ++set) {
      if (!is_closed(set)) continue;
      std::pair<uint64_t, uint64_t> cost{};
      for (PackageId id = 0; id < universe_.size(); ++id) {
        if (!has(set, id)) continue;
        cost.first += universe_.at(id).newer;
        ++cost.second;
      }
      if (!found || cost < *found) found = cost;
    }
    return found;
  }

  bool is_closed(uint32_t set) const {
    for (const Wish& wish : wishes_) {
      if (!has_any(set, wish.candidates)) return false;
    }
    for (PackageId id = 0; id < universe_.size(); ++id) {
      if (has(set, id) && !stands(set, id)) return false;
    }
    return true;
  }

 private:
  static bool has(uint32_t set, PackageId id) { return (set >> id & 1) != 0; }
  static bool has_any(uint32_t set, const std::vector<PackageId>& ids) {
    return std::any_of(ids.begin(), ids.end(), [&](PackageId id) { return has(set, id); });
  }

  bool stands(uint32_t set, PackageId id) const {
    for (PackageId other = 0; other < universe_.size(); ++other) {
      if (other != id && has(set, other) && universe_.at(other).name == universe_.at(id).name) return false;
    }
    for (const Alternatives& each : relations_[id].depends) {
      if (!has_any(set, universe_.matching(each))) return false;
    }
    for (const auto* list : {&relations_[id].conflicts, &relations_[id].breaks}) {
      for (const Relation& each : *list) {
        std::vector<PackageId> hit = universe_.matching(each);
        std::erase(hit, id);
        if (has_any(set, hit)) return false;
      }
    }
    return true;
  }

  const Universe& universe_;
  const std::vector<Wish>& wishes_;
  std::vector<Relations> relations_;
};

TEST(ClosurePropertyTest, TheClosureIsTheBestOfAllSets) {
  auto random = seeded_random();
  size_t possible = 0;
  for (int round = 0; round < 150; ++round) {
    RandomUniverse source(random);
    const std::string text = source.text();
    SmallUniverse world(text);
    if (world.universe->size() > 14) continue;
    const Recipe recipe = SmallUniverse::recipe_of({source.name(), source.name()});
    const auto list = shopping_list(recipe, *world.universe);
    ASSERT_TRUE(list);
    const BruteForce all(*world.universe, list->wishes);
    const auto best = all.best();
    const std::string closure = world.closure_for(recipe);
    ASSERT_EQ(closure == "none", !best) << text << closure;
    if (!best) continue;
    ++possible;
    uint32_t set = 0;
    for (const PackageId id : world.last.packages) set |= uint32_t{1} << id;
    ASSERT_TRUE(all.is_closed(set)) << text << closure;
    ASSERT_EQ(world.last.skipped_newer, best->first) << text << closure;
    ASSERT_EQ(world.last.packages.size(), best->second) << text << closure;
  }
  EXPECT_GT(possible, 10U);
}

}  // namespace
}  // namespace granary
