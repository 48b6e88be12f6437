// A recipe written as a TOML file again: merged, with everything that stood beside it inside. Pure.
#pragma once

#include <string>

#include "builder/recipe/recipe.h"

namespace granary {

// Loading it gives the same recipe, but that the wishes of its ancestors have become its own.
std::string recipe_to_toml(const Recipe& recipe);

}  // namespace granary
