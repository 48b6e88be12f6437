#include "builder/closure/universe.h"

#include <algorithm>

#include "builder/debian/control.h"
#include "fs/base/bytes.h"

namespace granary {

namespace {
constexpr size_t kMaxPackages = 2'000'000;

struct Wanted {
  std::string_view name;
  std::string_view PackageVersion::*field;
};
constexpr Wanted kWanted[] = {{"Package", &PackageVersion::name},
                              {"Version", &PackageVersion::version},
                              {"Architecture", &PackageVersion::architecture},
                              {"Provides", &PackageVersion::provides},
                              {"Priority", &PackageVersion::priority},
                              {"Section", &PackageVersion::section},
                              {"Task", &PackageVersion::task}};

PackageVersion read_package(const Stanza& stanza, uint32_t index) {
  PackageVersion package;
  package.stanza = stanza.text();
  package.index = index;
  std::string_view rest = stanza.text();
  while (const auto field = Stanza::next_field(rest)) {
    for (const Wanted& wanted : kWanted) {
      if (wanted.name.front() == field->name.front() && wanted.name == field->name)
        package.*wanted.field = field->value;
    }
    if (field->name == "Essential") package.essential = field->value == "yes";
    if (field->name == "Multi-Arch") package.allows_any_architecture = field->value == "allowed";
  }
  return package;
}

// Newest first within a name; of equal versions, that of the first index.
bool comes_before(const PackageVersion& left, const PackageVersion& right) {
  if (const int names = left.name.compare(right.name); names != 0) return names < 0;
  const auto order = compare_versions(left.version, right.version);
  return order != 0 ? order > 0 : left.index < right.index;
}

bool is_same(const PackageVersion& left, const PackageVersion& right) {
  return left.name == right.name && compare_versions(left.version, right.version) == 0;
}

Error within_package(const Error& error, const PackageVersion& package) {
  return {Code::kCorrupt,
          str("package ", printable(package.name), " ", printable(package.version), ": ", error.message)};
}

void append_single(std::vector<Relation>& relations, std::vector<Alternatives> parsed) {
  for (const Alternatives& alternatives : parsed) relations.push_back(alternatives.front());
}
}  // namespace

Result<Universe> Universe::read(std::span<const std::string_view> indices, const std::string& architecture) {
  Universe universe;
  universe.architecture_ = architecture;
  std::vector<PackageVersion>& packages = universe.packages_;
  for (uint32_t index = 0; index < indices.size(); ++index) {
    StanzaReader reader(indices[index]);
    while (const auto stanza = reader.next()) {
      const PackageVersion package = read_package(*stanza, index);
      if (package.name.empty() || package.version.empty() || package.architecture.empty())
        return Error{Code::kCorrupt, str("a stanza lacks Package, Version or Architecture: \"",
                                         printable(stanza->text().substr(0, 100)), "\"")};
      if (package.architecture == architecture || package.architecture == "all") packages.push_back(package);
      if (packages.size() > kMaxPackages)
        return Error{Code::kEndlessData, str("there are more than ", kMaxPackages, " packages")};
    }
  }
  std::sort(packages.begin(), packages.end(), comes_before);
  packages.erase(std::unique(packages.begin(), packages.end(), is_same), packages.end());
  universe.by_name_.reserve(packages.size());
  for (PackageId id = 0; id < packages.size(); ++id) {
    auto& [first, last] = universe.by_name_.try_emplace(packages[id].name, id, id).first->second;
    last = id + 1;
    packages[id].newer = id - first;
    if (packages[id].provides.empty()) continue;
    const auto provided = parse_relations(packages[id].provides);
    if (!provided) return within_package(provided.error(), packages[id]);
    for (const Alternatives& each : *provided)
      universe.providers_[each.front().name].push_back({id, each.front().version});
  }
  return universe;
}

std::span<const PackageVersion> Universe::versions_of(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return {};
  const auto [first, last] = found->second;
  return std::span(packages_).subspan(first, last - first);
}

// Everything here is of the one architecture, or of all of them, which count as that one.
bool Universe::fits(const PackageVersion& package, std::string_view architecture) const {
  if (architecture.empty() || architecture == architecture_ || architecture == "native") return true;
  return architecture == "any" && package.allows_any_architecture;
}

std::vector<PackageId> Universe::matching(const Relation& relation) const {
  std::vector<PackageId> found;
  for (const PackageVersion& package : versions_of(relation.name)) {
    if (fits(package, relation.architecture) && satisfies(package.version, relation.relation, relation.version))
      found.push_back(id_of(package));
  }
  const auto provided = providers_.find(relation.name);
  if (provided == providers_.end()) return found;
  for (const auto& [id, version] : provided->second) {
    const bool right_version = relation.relation == VersionRelation::kAny ||
                               (!version.empty() && satisfies(version, relation.relation, relation.version));
    if (right_version && packages_[id].name != relation.name && fits(packages_[id], relation.architecture))
      found.push_back(id);
  }
  return found;
}

std::vector<PackageId> Universe::matching(const Alternatives& alternatives) const {
  if (alternatives.size() == 1) return matching(alternatives.front());
  std::vector<PackageId> all;
  for (const Relation& relation : alternatives) {
    for (const PackageId id : matching(relation)) {
      if (std::find(all.begin(), all.end(), id) == all.end()) all.push_back(id);
    }
  }
  return all;
}

Result<Relations> Universe::relations_of(PackageId id) const {
  const PackageVersion& package = packages_[id];
  std::string_view pre_depends, depends, recommends, conflicts, breaks;
  std::string_view rest = package.stanza;
  while (const auto field = Stanza::next_field(rest)) {
    if (field->name == "Pre-Depends") pre_depends = field->value;
    if (field->name == "Depends") depends = field->value;
    if (field->name == "Recommends") recommends = field->value;
    if (field->name == "Conflicts") conflicts = field->value;
    if (field->name == "Breaks") breaks = field->value;
  }
  const auto parse = [&](std::string_view text) -> Result<std::vector<Alternatives>> {
    auto parsed = parse_relations(text);
    if (!parsed) return within_package(parsed.error(), package);
    return parsed;
  };
  Relations relations;
  relations.depends = TRY(parse(pre_depends));
  relations.pre_depends = relations.depends.size();
  for (Alternatives& each : TRY(parse(depends))) relations.depends.push_back(std::move(each));
  relations.recommends = TRY(parse(recommends));
  append_single(relations.conflicts, TRY(parse(conflicts)));
  append_single(relations.breaks, TRY(parse(breaks)));
  return relations;
}

std::vector<std::string> Universe::names() const {
  std::vector<std::string> names;
  for (const PackageVersion& package : packages_) {
    if (package.newer == 0) names.emplace_back(package.name);
  }
  return names;
}

}  // namespace granary
