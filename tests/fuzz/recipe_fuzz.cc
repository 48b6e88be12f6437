// A recipe file: every problem says where it is, and a recipe without problems survives being written down.
#include "builder/recipe/recipe_file.h"
#include "builder/recipe/recipe_json.h"
#include "builder/recipe/recipe_text.h"
#include "fuzz/fuzz.h"

namespace granary {

namespace {
std::vector<RecipeProblem> read(ByteView text, Recipe& recipe) {
  std::vector<RecipeProblem> problems;
  const auto parsed = parse_toml(text);
  if (const auto* error = std::get_if<TomlError>(&parsed)) return {{"r.toml", error->place, error->text}};
  uint64_t left_bytes = Beside::kMaxBytes;
  Beside nothing("", left_bytes);
  apply_recipe_file(std::get<TomlValue::Table>(parsed), "r.toml", RecipeFileKind::kRecipe, nothing, recipe, problems);
  complete_recipe(recipe, "r.toml", problems);
  return problems;
}
}  // namespace

void try_input(ByteView input) {
  Recipe recipe;
  const std::vector<RecipeProblem> problems = read(input, recipe);
  for (const RecipeProblem& problem : problems) promise(problem.describe().starts_with("r.toml:"), "it says where");
  if (!problems.empty()) return;
  const Result<Recipe> from_json = recipe_from_json(JsonValue(recipe_to_json(recipe)));
  promise(from_json.has_value(), "a recipe can stand in a lock");
  promise(*from_json == recipe, "and comes back from it");
  Recipe again;
  promise(read(recipe_to_toml(recipe), again).empty(), "what is shown can be loaded");
  promise(recipe_digest(again) == recipe_digest(recipe), "and asks for the same");
}

}  // namespace granary
