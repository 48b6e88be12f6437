// Small universes, written down as control stanzas.
#pragma once

#include <memory>
#include <stdexcept>

#include "builder/closure/clasp.h"
#include "builder/closure/closure.h"
#include "builder/closure/wishes.h"
#include "fs/base/digest.h"

namespace granary {

// "a 1" and fields such as "Depends: b": one stanza.
inline std::string stanza(const std::string& name, const std::string& version, const std::string& fields = "") {
  return str("Package: ", name, "\nVersion: ", version, "\nArchitecture: amd64\n", fields, fields.empty() ? "" : "\n",
             "Filename: pool/", name, ".deb\nSize: 1\nSHA256: ", Digest::of(name + version), "\n\n");
}

struct SmallUniverse {
  explicit SmallUniverse(std::string text) : text_(std::move(text)) {
    const std::string_view view = text_;
    auto read = Universe::read({&view, 1}, "amd64");
    if (!read) throw std::runtime_error(read.error().message);
    universe = std::make_unique<Universe>(std::move(*read));
  }

  // "a=1 b=2": sorted; "none" when the list cannot be had; else the error.
  std::string closure_for(const Recipe& recipe) {
    const auto list = shopping_list(recipe, *universe);
    if (!list) return list.error().message;
    const auto formulation = Formulation::make(*universe, list->wishes, list->forbidden, recipe.recommends);
    if (!formulation) return formulation.error().message;
    const auto found = find_closure(*formulation, clasp);
    if (!found) return found.error().message;
    if (!*found) return "none";
    last = **found;
    std::string text;
    for (const PackageId id : last.packages)
      text += str(text.empty() ? "" : " ", universe->at(id).name, "=", universe->at(id).version);
    return text;
  }
  std::string closure(const std::vector<std::string>& wishes) { return closure_for(recipe_of(wishes)); }

  static Recipe recipe_of(const std::vector<std::string>& wishes) {
    Recipe recipe;
    recipe.suite = "test";
    recipe.wishes.push_back({"test", wishes, {}});
    return recipe;
  }

  std::unique_ptr<Universe> universe;
  Clasp clasp;
  Closure last;

 private:
  const std::string text_;
};

}  // namespace granary
