// One recipe file laid over what its ancestors say (docs/cooking.md, "How recipes are merged"): lists append, what has
// a name or a path replaces its namesake, everything else overrides. Pure but for what is read beside it.
#pragma once

#include "builder/recipe/beside.h"
#include "builder/recipe/recipe.h"
#include "builder/recipe/toml.h"

namespace granary {

struct RecipeProblem {
  std::string file;
  TomlPlace place;
  std::string text;              // `unknown key "pakages": did you mean "packages"?`
  std::string describe() const;  // file:line:column: text
};

enum class RecipeFileKind { kRecipe, kDropIn };

// Lays the file over `recipe`, as far as it can be understood, and says what cannot. A recipe's wishes become the last
// of recipe.wishes; those of a drop-in join the last. `extends` is not looked at.
void apply_recipe_file(const TomlValue::Table& table, const std::string& file, RecipeFileKind kind, Beside& beside,
                       Recipe& recipe, std::vector<RecipeProblem>& problems);

// After the last file: what cannot be known before. `file` is named where something is missing.
void complete_recipe(Recipe& recipe, const std::string& file, std::vector<RecipeProblem>& problems);

}  // namespace granary
