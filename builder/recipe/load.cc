#include "builder/recipe/load.h"

#include <algorithm>
#include <filesystem>

#include "builder/recipe/names.h"
#include "fs/base/file.h"
#include "fs/base/nearest.h"

namespace granary {

namespace {
namespace fs = std::filesystem;
constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxChain = 16;

bool is_path(const std::string& text) { return text.find('/') != std::string::npos || text.ends_with(".toml"); }

std::vector<std::string> toml_files(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code failure;
  for (const auto& item : fs::directory_iterator(folder, failure))
    if (item.path().extension() == ".toml") files.push_back(item.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> ready_folders() {
  std::vector<std::string> folders;
  if (const char* given = std::getenv("GRANARY_RECIPES"); given != nullptr && *given != '\0') {
    std::istringstream in(given);
    for (std::string folder; std::getline(in, folder, ':');)
      if (!folder.empty()) folders.push_back(folder);
    return folders;
  }
  std::error_code failure;
  const fs::path program = fs::read_symlink("/proc/self/exe", failure);
  const fs::path bin = program.parent_path();
  for (const fs::path& folder : {bin / "../share/granary/recipes", bin / "../../../builder/recipes"}) {
    if (!fs::is_directory(folder, failure)) continue;
    folders.push_back(fs::weakly_canonical(folder, failure).string());
    break;
  }
  return folders;
}

Result<std::string> find_ready(const std::string& name) {
  std::vector<std::string> names;
  for (const ReadyRecipe& ready : ready_recipes()) {
    if (ready.name == name) return ready.path;
    names.push_back(ready.name);
  }
  std::string hint;
  const std::string nearest = nearest_word(name, names);
  if (!nearest.empty()) hint = "; did you mean \"" + nearest + "\"?";
  for (const std::string& known : names) hint += (&known == names.data() ? "; there are " : ", ") + known;
  return Error{Code::kNotFound, str("there is no ready-made recipe \"", printable(name), "\"", hint,
                                    "; a file is given with its path: ./", printable(name), ".toml")};
}

// One load: the chain from the named file to its outermost ancestor, and what was found wrong on the way.
class Loading {
 public:
  explicit Loading(std::vector<RecipeProblem>& problems) : problems_(problems) {}

  Result<Recipe> load(const std::string& path, const RecipeOverrides& overrides) {
    Recipe recipe;
    TRY(lay(path, recipe));
    if (!overrides.suite.empty()) recipe.suite = overrides.suite;
    if (!overrides.architecture.empty()) recipe.architecture = overrides.architecture;
    complete_recipe(recipe, path, problems_);
    if (problems_.empty()) return recipe;
    std::string all;
    for (const RecipeProblem& problem : problems_) all += (all.empty() ? "" : "\n") + problem.describe();
    return Error{Code::kInvalid, all};
  }

 private:
  // The file over its ancestors, its drop-ins over the file.
  Status lay(const std::string& path, Recipe& recipe) {
    TRY(enter(path));
    const std::string folder = fs::absolute(path).parent_path().string();
    const auto table = TRY(read(path));
    if (!table) return Done{};
    TRY(lay_parent(*table, path, folder, recipe));
    Beside beside(folder, left_bytes_);
    apply_recipe_file(*table, path, RecipeFileKind::kRecipe, beside, recipe, problems_);

    const std::string drop_ins = path.substr(0, path.size() - fs::path(path).extension().string().size()) + ".d";
    for (const std::string& drop_in : toml_files(drop_ins)) {
      Beside beside_it(drop_ins, left_bytes_);
      if (const auto more = TRY(read(drop_in)))
        apply_recipe_file(*more, drop_in, RecipeFileKind::kDropIn, beside_it, recipe, problems_);
    }
    return Done{};
  }

  Status enter(const std::string& path) {
    std::error_code failure;
    const std::string real = fs::weakly_canonical(path, failure).string();
    if (std::find(chain_.begin(), chain_.end(), real) != chain_.end()) {
      std::string circle;
      for (const std::string& file : chain_) circle += printable(file) + " extends ";
      return Error{Code::kInvalid, "recipes extend each other in a circle: " + circle + printable(real)};
    }
    if (chain_.size() == kMaxChain)
      return Error{Code::kInvalid, str("more than ", kMaxChain, " recipes extend one another")};
    chain_.push_back(real);
    return Done{};
  }

  // Nothing when the text is no TOML, which is then among the problems.
  Result<std::optional<TomlValue::Table>> read(const std::string& path) {
    const Bytes text = TRY(read_file(path, kMaxFileBytes));
    auto parsed = parse_toml(text);
    if (auto* table = std::get_if<TomlValue::Table>(&parsed)) return std::optional(std::move(*table));
    const auto& error = std::get<TomlError>(parsed);
    problems_.push_back({path, error.place, error.text});
    return std::optional<TomlValue::Table>{};
  }

  Status lay_parent(const TomlValue::Table& table, const std::string& path, const std::string& folder, Recipe& recipe) {
    const auto extends =
        std::find_if(table.begin(), table.end(), [](const TomlMember& member) { return member.key == "extends"; });
    if (extends == table.end()) return Done{};
    const std::string* parent = extends->value.text();
    if (parent == nullptr || parent->empty() || !is_text(*parent)) {
      problems_.push_back({path, extends->value.place, "\"extends\" is not the name or the path of a recipe"});
      return Done{};
    }
    const std::string where = RecipeProblem{path, extends->value.place, "\"extends\""}.describe();
    const std::string found = TRY_WITHIN(where, locate(*parent, folder));
    return told_within(where, lay(found, recipe));
  }

  static Result<std::string> locate(const std::string& parent, const std::string& folder) {
    if (!is_path(parent)) return find_ready(parent);
    return parent.starts_with('/') ? parent : (fs::path(folder) / parent).lexically_normal().string();
  }

  static Status told_within(const std::string& where, const Status& status) {
    if (status) return status;
    return status.error().within(where);
  }

  std::vector<RecipeProblem>& problems_;
  std::vector<std::string> chain_;
  uint64_t left_bytes_ = Beside::kMaxBytes;
};
}  // namespace

Result<Recipe> load_recipe(const std::string& path_or_name, const RecipeOverrides& overrides,
                           std::vector<RecipeProblem>& problems) {
  if (!overrides.suite.empty() && !is_suite_name(overrides.suite))
    return Error{Code::kInvalid, str("\"", printable(overrides.suite), "\" is not the name of a suite")};
  if (!overrides.architecture.empty() && !is_architecture(overrides.architecture))
    return Error{Code::kInvalid, str("\"", printable(overrides.architecture), "\" is not an architecture")};
  const std::string path = is_path(path_or_name) ? path_or_name : TRY(find_ready(path_or_name));
  return Loading(problems).load(path, overrides);
}

Result<Recipe> load_recipe(const std::string& path_or_name, const RecipeOverrides& overrides) {
  std::vector<RecipeProblem> problems;
  return load_recipe(path_or_name, overrides, problems);
}

std::vector<ReadyRecipe> ready_recipes() {
  std::vector<ReadyRecipe> recipes;
  for (const std::string& folder : ready_folders()) {
    for (const std::string& path : toml_files(folder)) {
      const std::string name = fs::path(path).stem().string();
      const bool known =
          std::any_of(recipes.begin(), recipes.end(), [&](const ReadyRecipe& ready) { return ready.name == name; });
      if (!known) recipes.push_back({name, path});
    }
  }
  std::sort(recipes.begin(), recipes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return recipes;
}

}  // namespace granary
