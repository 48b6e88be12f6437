// From what a recipe says to wishes about packages of a universe. Pure functions.
#pragma once

#include "builder/closure/formulation.h"
#include "builder/recipe/recipe.h"

namespace granary {

struct ShoppingList {
  std::vector<Wish> wishes;     // Essential packages first, then the recipe's, ancestors first
  std::vector<bool> forbidden;  // by package: excluded, or of another version than the recipe pins
  std::vector<std::string> notes;
};

//   kNotFound  packages or groups that no archive has: the message names each, with the nearest names there are
//   kInvalid   a wish that cannot be read, or for something that the recipe rules out itself
Result<ShoppingList> shopping_list(const Recipe& recipe, const Universe& universe);

}  // namespace granary
