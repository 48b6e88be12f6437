// What differs between two recipes, or between two locks, in words. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "builder/recipe/lock.h"

namespace granary {

struct RecipeDifference {
  enum class Kind { kAdded, kRemoved, kChanged } kind;
  std::string what;    // "package bash", "file /etc/motd", "suite"
  std::string before;  // how it was: "5.2-1", "12 bytes, mode 0644"; may be empty
  std::string after;
  // "+ package bash", "- file /etc/motd", "~ suite: bookworm → trixie"
  std::string describe() const;
  bool operator==(const RecipeDifference&) const = default;
};

// Of what decides about the tree, and descriptions; not of names that only people read.
std::vector<RecipeDifference> recipe_diff(const Recipe& before, const Recipe& after);
// Of the packages by version, the signed indices by date, the accounts, and the recipes.
std::vector<RecipeDifference> lock_diff(const Lock& before, const Lock& after);

}  // namespace granary
