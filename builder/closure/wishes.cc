#include "builder/closure/wishes.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "builder/debian/control.h"
#include "fs/base/bytes.h"
#include "fs/base/nearest.h"

namespace granary {

namespace {
constexpr size_t kMostNames = 5;  // near one word

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// Names that were probably meant: the nearest by letters, and those that hold the word whole.
std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  std::vector<std::string> near, as_long;
  const auto fits = [&](const std::string& name) {
    return name.size() < word.size() + 3 && word.size() < name.size() + 3;
  };
  std::copy_if(names.begin(), names.end(), std::back_inserter(as_long), fits);
  if (const std::string nearest = nearest_word(word, as_long); !nearest.empty()) near.push_back(nearest);
  for (const std::string& name : names) {
    const bool holds = word.size() >= 3 && name.find(word) != std::string::npos;
    if (near.size() < kMostNames && holds && std::find(near.begin(), near.end(), name) == near.end())
      near.push_back(name);
  }
  return near.empty() ? "" : "; near it: " + joined(near, ", ");
}

class Reader {
 public:
  Reader(const Recipe& recipe, const Universe& universe) : recipe_(recipe), universe_(universe) {}

  Result<ShoppingList> read() {
    list_.forbidden.assign(universe_.size(), false);
    for (const std::string& name : recipe_.exclude) exclude(name);
    for (const RecipePin& pin : recipe_.pins) apply(pin);
    add_essential();
    for (uint32_t number = 0; number < recipe_.wishes.size(); ++number) {
      const RecipeWishes& wishes = recipe_.wishes[number];
      for (const std::string& group : wishes.groups) add_group(group, number);
      for (const std::string& text : wishes.packages) add_wish(text, number);
    }
    if (!invalid_.empty()) return Error{Code::kInvalid, joined(invalid_, "\n")};
    if (!unknown_.empty()) return Error{Code::kNotFound, joined(unknown_, "\n")};
    return std::move(list_);
  }

 private:
  const std::vector<std::string>& names() {
    if (names_.empty()) names_ = universe_.names();
    return names_;
  }

  void exclude(const std::string& name) {
    const auto versions = universe_.versions_of(name);
    if (versions.empty()) list_.notes.push_back(str("no archive has ", printable(name), ", which the recipe excludes"));
    for (const PackageVersion& package : versions) list_.forbidden[universe_.id_of(package)] = true;
  }

  void apply(const RecipePin& pin) {
    const auto versions = universe_.versions_of(pin.package);
    std::vector<std::string> there;
    std::vector<PackageId> others;
    for (const PackageVersion& package : versions) {
      there.emplace_back(package.version);
      if (!matches_version(package.version, pin.version)) others.push_back(universe_.id_of(package));
    }
    if (others.size() < versions.size()) {
      for (const PackageId id : others) list_.forbidden[id] = true;
      return;
    }
    if (versions.empty()) {
      unknown_.push_back(
          str("no archive has the pinned package ", printable(pin.package), suggestion(pin.package, names())));
    } else {
      unknown_.push_back(str("no version of ", pin.package, " is ", printable(pin.version),
                             ", to which the recipe pins it; there are ", joined(there, ", ")));
    }
  }

  void add(Wish wish) {
    const bool repeated = !seen_.emplace(wish.text, wish.recipe).second;
    if (!repeated) list_.wishes.push_back(std::move(wish));
  }

  void add_essential() {
    std::set<std::string_view> essential;
    for (PackageId id = 0; id < universe_.size(); ++id) {
      if (universe_.at(id).essential) essential.insert(universe_.at(id).name);
    }
    for (const std::string_view name : essential) add({std::string(name), versions_of(name), true, 0});
  }

  std::vector<PackageId> versions_of(std::string_view name) const {
    std::vector<PackageId> ids;
    for (const PackageVersion& package : universe_.versions_of(name)) ids.push_back(universe_.id_of(package));
    return ids;
  }

  // Whoever names a package means that one; only a name that no package has means those that provide it.
  std::vector<PackageId> candidates_of(const Relation& relation) const {
    std::vector<PackageId> ids = universe_.matching(relation);
    if (universe_.versions_of(relation.name).empty()) return ids;
    std::erase_if(ids, [&](PackageId id) { return universe_.at(id).name != relation.name; });
    return ids;
  }

  void add_wish(const std::string& text, uint32_t recipe) {
    const auto parsed = parse_relations(text);
    if (!parsed || parsed->size() != 1) {
      invalid_.push_back(
          str("\"", printable(text), "\" is not a package such as \"python3\" or \"python3 (>= 3.11)\""));
      return;
    }
    Wish wish{text_of(parsed->front()), {}, false, recipe};
    for (const Relation& relation : parsed->front()) {
      for (const PackageId id : candidates_of(relation)) {
        if (std::find(wish.candidates.begin(), wish.candidates.end(), id) == wish.candidates.end())
          wish.candidates.push_back(id);
      }
    }
    if (wish.candidates.empty()) return add_unknown(parsed->front());
    const bool ruled_out =
        std::all_of(wish.candidates.begin(), wish.candidates.end(), [&](PackageId id) { return list_.forbidden[id]; });
    if (ruled_out) {
      invalid_.push_back(str("the recipe wishes for ", wish.text, " and rules it out (exclude, pin)"));
      return;
    }
    add(std::move(wish));
  }

  void add_unknown(const Alternatives& alternatives) {
    const Relation& first = alternatives.front();
    std::vector<std::string> there;
    for (const PackageVersion& package : universe_.versions_of(first.name)) there.emplace_back(package.version);
    const std::string text = printable(text_of(alternatives));
    if (there.empty()) {
      unknown_.push_back(
          str("no package ", text, " in ", printable(recipe_.suite), suggestion(std::string(first.name), names())));
    } else {
      unknown_.push_back(
          str("no package ", text, " in ", printable(recipe_.suite), "; its versions are ", joined(there, ", ")));
    }
  }

  // By the newest version: archives change their minds about priorities.
  void add_group(const std::string& group, uint32_t recipe) {
    const size_t colon = group.find(':');
    const std::string kind = group.substr(0, colon);
    const std::string value = colon == std::string::npos ? "" : group.substr(colon + 1);
    if (kind != "priority" && kind != "task" && kind != "section") {
      invalid_.push_back(str("\"", printable(group),
                             "\" is not a group such as priority:standard, task:ssh-server or section:science"));
      return;
    }
    std::set<std::string> known;
    size_t members = 0;
    for (PackageId id = 0; id < universe_.size(); ++id) {
      const PackageVersion& package = universe_.at(id);
      if (package.newer != 0 || !is_member(package, kind, value, known)) continue;
      ++members;
      const std::vector<PackageId> versions = versions_of(package.name);
      const bool ruled_out =
          std::all_of(versions.begin(), versions.end(), [&](PackageId each) { return list_.forbidden[each]; });
      if (!ruled_out) add({std::string(package.name), versions, false, recipe});
    }
    if (members == 0)
      unknown_.push_back(str("no package in ", printable(recipe_.suite), " is of the group ", printable(group),
                             suggestion(value, {known.begin(), known.end()})));
  }

  static bool is_member(const PackageVersion& package, const std::string& kind, const std::string& value,
                        std::set<std::string>& known) {
    if (kind != "task") {
      const std::string_view has = kind == "priority" ? package.priority : package.section;
      known.emplace(has);
      return has == value;
    }
    bool found = false;
    std::string tasks(package.task);
    std::replace(tasks.begin(), tasks.end(), ',', ' ');
    std::string_view rest = tasks;
    for (auto task = next_word(rest); !task.empty(); task = next_word(rest)) {
      known.emplace(task);
      found = found || task == value;
    }
    return found;
  }

  const Recipe& recipe_;
  const Universe& universe_;
  ShoppingList list_;
  std::vector<std::string> names_;
  std::set<std::pair<std::string, uint32_t>> seen_;
  std::vector<std::string> invalid_, unknown_;
};
}  // namespace

Result<ShoppingList> shopping_list(const Recipe& recipe, const Universe& universe) {
  return Reader(recipe, universe).read();
}

}  // namespace granary
