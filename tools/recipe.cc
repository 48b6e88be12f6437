// `recipe`: checks recipes, shows what they come to, says what differs between two of them or between two locks, and
// lists the ready-made ones.
#include <fcntl.h>

#include <map>

#include "builder/debian/version.h"
#include "builder/recipe/differences.h"
#include "builder/recipe/load.h"
#include "builder/recipe/recipe_json.h"
#include "builder/recipe/recipe_text.h"
#include "fs/base/file.h"
#include "tools/commands.h"
#include "tools/subcommand.h"

namespace granary {

namespace {
struct Options {
  std::vector<std::string> recipes;
  std::string before, after;
  RecipeOverrides overrides;
  bool json = false;
};

void add_overrides(CLI::App& app, RecipeOverrides& overrides) {
  app.add_option("--suite", overrides.suite, "take this suite instead of the recipe's");
  app.add_option("--architecture", overrides.architecture, "take this architecture instead of the recipe's");
}

OrderedJson ordered(const JsonValue::Object& members) { return OrderedJson::parse(JsonValue(members).canonical()); }

// check

OrderedJson problem_json(const RecipeProblem& problem) {
  return {{"file", printable(problem.file)},
          {"line", problem.place.line},
          {"column", problem.place.column},
          {"problem", problem.text}};
}

Status check(const Options& options, Io& io) {
  size_t bad = 0;
  std::optional<Error> failed;
  for (const std::string& name : options.recipes) {
    std::vector<RecipeProblem> problems;
    const Result<Recipe> recipe = load_recipe(name, options.overrides, problems);
    if (!recipe && problems.empty()) problems.push_back({name, {}, recipe.error().message});
    bad += problems.empty() ? 0 : 1;
    if (!recipe && !failed) failed = recipe.error();
    OrderedJson found = OrderedJson::array();
    for (const RecipeProblem& problem : problems) {
      found.push_back(problem_json(problem));
      if (!options.json) io.out << problem.describe() << "\n";
    }
    OrderedJson answer{{"recipe", printable(name)}, {"good", problems.empty()}, {"problems", found}};
    if (recipe) answer["digest"] = recipe_digest(*recipe).hex();
    if (options.json) print_json(io, answer);
    if (!options.json && recipe) io.out << printable(name) << ": good, suite " << recipe->suite << "\n";
  }
  if (!failed) return Done{};
  return Error{failed->code, options.recipes.size() == 1 ? "the recipe cannot be used"
                                                         : str(bad, " of ", options.recipes.size(), " cannot be used")};
}

Action define_check(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("RECIPE", options->recipes, "recipe files, or names of ready-made recipes")->required();
  add_overrides(app, options->overrides);
  app.add_flag("--json", options->json, "one JSON object a recipe");
  return [options](Io& io) { return check(*options, io); };
}

// show

Status show(const Options& options, Io& io) {
  const Recipe recipe = TRY(load_recipe(options.before, options.overrides));
  if (options.json) {
    OrderedJson json = ordered(recipe_to_json(recipe));
    json["digest"] = recipe_digest(recipe).hex();
    print_json(io, json);
  } else {
    io.out << recipe_to_toml(recipe);
  }
  return Done{};
}

Action define_show(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("RECIPE", options->before, "a recipe file, or the name of a ready-made recipe")->required();
  add_overrides(app, options->overrides);
  app.add_flag("--json", options->json, "print JSON");
  return [options](Io& io) { return show(*options, io); };
}

// diff

constexpr size_t kMaxLockBytes = size_t{64} << 20;

// A lock when the file starts as one does: with a brace, as no TOML file can.
Result<std::optional<Lock>> lock_in(const std::string& name) {
  if (!exists(name)) return std::optional<Lock>{};
  const UniqueFd file = TRY(open_file(name, O_RDONLY | O_CLOEXEC));
  if (TRY(read_at(file.get(), 0, 1)) != "{") return std::optional<Lock>{};
  return std::optional(TRY_WITHIN(printable(name), Lock::parse(TRY(read_file(name, kMaxLockBytes)))));
}

// In one word; of packages that changed, which way.
const char* word_for(const RecipeDifference& difference) {
  using Kind = RecipeDifference::Kind;
  if (difference.kind == Kind::kAdded) return "added";
  if (difference.kind == Kind::kRemoved) return "removed";
  if (!difference.what.starts_with("package ")) return "changed";
  return compare_versions(difference.before, difference.after) < 0 ? "upgraded" : "downgraded";
}

void summarise(const std::vector<RecipeDifference>& differences, Io& io) {
  std::map<std::string, size_t> counts;
  for (const RecipeDifference& difference : differences)
    if (difference.what.starts_with("package ")) ++counts[word_for(difference)];
  std::string words;
  for (const auto& [word, count] : counts) words += str(words.empty() ? "" : ", ", count, " ", word);
  if (!words.empty()) io.out << "packages: " << words << "\n";
}

Status diff(const Options& options, Io& io) {
  const std::optional<Lock> before = TRY(lock_in(options.before));
  const std::optional<Lock> after = TRY(lock_in(options.after));
  const auto recipe = [](const std::string& name, const std::optional<Lock>& lock) -> Result<Recipe> {
    if (lock) return lock->recipe;
    return load_recipe(name);
  };
  const std::vector<RecipeDifference> differences =
      before && after ? lock_diff(*before, *after)
                      : recipe_diff(TRY(recipe(options.before, before)), TRY(recipe(options.after, after)));
  for (const RecipeDifference& difference : differences) {
    if (options.json) {
      print_json(io, {{"change", word_for(difference)},
                      {"what", difference.what},
                      {"before", difference.before},
                      {"after", difference.after}});
    } else {
      io.out << difference.describe() << "\n";
    }
  }
  if (!options.json) summarise(differences, io);
  return Done{};
}

Action define_diff(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("BEFORE", options->before, "a recipe file, the name of a ready-made recipe, or a lock")->required();
  app.add_option("AFTER", options->after, "likewise; two locks are compared package by package")->required();
  app.add_flag("--json", options->json, "one JSON object a line");
  return [options](Io& io) { return diff(*options, io); };
}

// list

Status list(const Options& options, Io& io) {
  for (const ReadyRecipe& ready : ready_recipes()) {
    const Result<Recipe> recipe = load_recipe(ready.name);
    const std::string words = recipe ? recipe->description : "cannot be used: see `granary recipe check`";
    if (options.json) {
      print_json(io, {{"name", ready.name},
                      {"description", words},
                      {"suite", recipe ? recipe->suite : ""},
                      {"path", printable(ready.path)}});
    } else {
      io.out << ready.name << std::string(ready.name.size() < 24 ? 24 - ready.name.size() : 1, ' ') << words << "\n";
    }
  }
  return Done{};
}

Action define_list(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_flag("--json", options->json, "one JSON object a line");
  return [options](Io& io) { return list(*options, io); };
}

constexpr Subcommand kSubcommands[] = {
    {"check", "say everything that is wrong with recipes, with file, line and column", define_check},
    {"show", "print a recipe with all it extends and all that stands beside it merged in", define_show},
    {"diff", "say what differs between two recipes, or between two locks", define_diff},
    {"list", "list the ready-made recipes", define_list},
};

Action define(CLI::App& app) { return define_subcommands(app, kSubcommands); }
}  // namespace

const Command kRecipeCommand{
    "recipe", "check, show, compare and list recipes",
    "A recipe is a TOML file that says what to cook (docs/cooking.md). Ready-made recipes go by their bare names, "
    "files "
    "by their paths. `check` ends with status 3 when a recipe cannot be used. `diff` of two locks says which packages "
    "came, went and changed their version.",
    "granary recipe list\n"
    "granary recipe check ./my.toml\n"
    "granary recipe show standard --suite trixie\n"
    "granary recipe diff server ./my.toml\n"
    "granary recipe diff old.lock new.lock --json",
    define};

}  // namespace granary
