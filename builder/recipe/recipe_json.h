// A recipe as JSON: inside a lock, for `granary recipe show --json`, and, stripped of what only people read, as the
// text whose digest names it (docs/cooking.md, "The recipe"). Pure functions.
#pragma once

#include "builder/recipe/recipe.h"
#include "fs/base/digest.h"
#include "fs/format/json.h"

namespace granary {

// Members that are empty or have their usual value are left out. Bytes that are no text stand in base64.
JsonValue::Object recipe_to_json(const Recipe& recipe);

// What recipe_to_json wrote.
//   kCorrupt  names the member: of another form, unknown, or a value that no recipe may have
Result<Recipe> recipe_from_json(const JsonValue& json);

// What of a recipe decides about the tree: without its name, its description, the names of its chain, of hooks and of
// tests, with lists whose order means nothing sorted. Two files that ask for the same have the same text.
Bytes canonical_recipe(const Recipe& recipe);
Digest recipe_digest(const Recipe& recipe);  // of that text

}  // namespace granary
