// A Packages file: what is read can be resolved or explained, and what an index says of a path stays below the archive.
#include "builder/closure/locked_packages.h"
#include "fuzz/fuzz.h"

namespace granary {

void try_input(ByteView input) {
  const std::string_view view = input;
  const auto universe = Universe::read({&view, 1}, "amd64");
  if (!universe) return;
  std::vector<Wish> wishes;
  for (PackageId id = 0; id < universe->size() && wishes.size() < 8; ++id) {
    const PackageVersion& package = universe->at(id);
    promise(!package.name.empty() && !package.version.empty(), "a package has a name and a version");
    promise(package.newer == 0 || universe->at(id - 1).name == package.name, "versions of a name stand together");
    wishes.push_back({std::string(package.name), {id}, false, 0});
    const auto locked = locked_package(package);
    promise(!locked || locked->path.find("..") == std::string::npos, "a path stays below the archive");
  }
  const auto formulation = Formulation::make(*universe, wishes, std::vector<bool>(universe->size(), false), true);
  if (!formulation) return;
  promise(formulation->reasons.size() == formulation->problem.clauses.size(), "each clause has a reason");
  const Reduction reduction = reduce(formulation->problem);
  if (reduction.contradictory) return;
  for (const Clause& clause : reduction.rest.clauses) {
    for (const Literal literal : clause)
      promise(literal != 0 && static_cast<uint32_t>(literal < 0 ? -literal : literal) <= reduction.rest.variables,
              "what is left speaks of what is open");
  }
}

}  // namespace granary
