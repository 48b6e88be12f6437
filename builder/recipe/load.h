// Loading a recipe: its file, what that extends, the drop-ins beside each, and everything beside them that becomes part
// of it (docs/cooking.md). Reads files; safe from many threads.
#pragma once

#include <string>
#include <vector>

#include "builder/recipe/recipe.h"
#include "builder/recipe/recipe_file.h"

namespace granary {

// What the command line says instead of the recipe; empty: nothing.
struct RecipeOverrides {
  std::string suite;
  std::string architecture;
};

// `path_or_name`: a file ("./my.toml", "my.toml"), or the bare name of a ready-made recipe ("standard").
//   kNotFound  no such file, no ready-made recipe of that name: the message names the nearest
//   kInvalid   the message has every problem of the recipe on a line of its own
Result<Recipe> load_recipe(const std::string& path_or_name, const RecipeOverrides& overrides = {});
// The same, and the problems one by one.
Result<Recipe> load_recipe(const std::string& path_or_name, const RecipeOverrides& overrides,
                           std::vector<RecipeProblem>& problems);

struct ReadyRecipe {
  std::string name;
  std::string path;
};
// By name: those in the directories of $GRANARY_RECIPES (separated by colons), or else the ones installed beside this
// program, or else those of the source tree that this program was built in.
std::vector<ReadyRecipe> ready_recipes();

}  // namespace granary
