#include "builder/closure/locked_packages.h"

#include <algorithm>
#include <map>

#include "builder/closure/install_order.h"
#include "builder/debian/control.h"

namespace granary {

namespace {
constexpr uint32_t kNoLayer = UINT32_MAX;

// The chosen packages with what each needs of the others, by their numbers among the chosen.
class Chosen {
 public:
  static Result<Chosen> make(const Closure& closure, const Universe& universe, bool with_recommendations) {
    Chosen chosen;
    for (const PackageId id : closure.packages)
      chosen.numbers_.emplace(id, chosen.packages_.size()), chosen.packages_.push_back({});
    for (const auto& [id, number] : chosen.numbers_) {
      const Relations relations = TRY(universe.relations_of(id));
      OrderedPackage& package = chosen.packages_[number];
      package.name = universe.at(id).name;
      package.essential = universe.at(id).essential;
      for (size_t at = 0; at < relations.depends.size(); ++at)
        chosen.add(at < relations.pre_depends ? package.pre_depends : package.depends,
                   universe.matching(relations.depends[at]), number);
      std::erase_if(package.depends, [&](uint32_t each) { return contains(package.pre_depends, each); });
      chosen.recommends_.emplace_back();
      if (!with_recommendations) continue;
      for (const Alternatives& each : relations.recommends)
        chosen.add(chosen.recommends_.back(), universe.matching(each), number);
    }
    return chosen;
  }

  size_t size() const { return packages_.size(); }
  const OrderedPackage& at(uint32_t number) const { return packages_[number]; }
  const std::map<PackageId, uint32_t>& numbers() const { return numbers_; }

  // Gives `layer` to everything that `number` needs and that has none.
  void spread(uint32_t number, uint32_t layer, std::vector<uint32_t>& layers) const {
    std::vector<uint32_t> queue{number};
    while (!queue.empty()) {
      const uint32_t next = queue.back();
      queue.pop_back();
      if (layers[next] != kNoLayer) continue;
      layers[next] = layer;
      for (const auto* needed : {&packages_[next].pre_depends, &packages_[next].depends, &recommends_[next]})
        queue.insert(queue.end(), needed->begin(), needed->end());
    }
  }

  // The packages of one layer, first to last.
  std::vector<uint32_t> in_order(uint32_t layer, const std::vector<uint32_t>& layers) const {
    std::vector<uint32_t> members, places(packages_.size(), kNoLayer);
    for (uint32_t number = 0; number < packages_.size(); ++number) {
      if (layers[number] != layer) continue;
      places[number] = static_cast<uint32_t>(members.size());
      members.push_back(number);
    }
    std::vector<OrderedPackage> inside;
    for (const uint32_t number : members) {
      OrderedPackage package = packages_[number];
      for (auto* needed : {&package.pre_depends, &package.depends}) {
        for (uint32_t& each : *needed) each = places[each];
        std::erase(*needed, kNoLayer);
      }
      inside.push_back(std::move(package));
    }
    std::vector<uint32_t> order = install_order(inside);
    for (uint32_t& each : order) each = members[each];
    return order;
  }

 private:
  static bool contains(const std::vector<uint32_t>& all, uint32_t each) {
    return std::find(all.begin(), all.end(), each) != all.end();
  }

  void add(std::vector<uint32_t>& needed, const std::vector<PackageId>& candidates, uint32_t self) const {
    for (const PackageId id : candidates) {
      const auto found = numbers_.find(id);
      if (found != numbers_.end() && found->second != self && !contains(needed, found->second))
        needed.push_back(found->second);
    }
  }

  std::vector<OrderedPackage> packages_;
  std::vector<std::vector<uint32_t>> recommends_;
  std::map<PackageId, uint32_t> numbers_;
};

Error lacks(const PackageVersion& package, const char* field) {
  return {Code::kCorrupt, str("package ", printable(package.name), " ", printable(package.version),
                              ": its index entry has no usable ", field)};
}
}  // namespace

Result<LockedPackage> locked_package(const PackageVersion& package) {
  const Stanza stanza(package.stanza);
  LockedPackage locked{std::string(package.name),
                       std::string(package.version),
                       std::string(package.architecture),
                       std::string(stanza.field("Filename")),
                       0,
                       {},
                       package.index,
                       0};
  while (locked.path.starts_with("./")) locked.path.erase(0, 2);
  if (locked.path.empty() || locked.path.starts_with('/') || locked.path.find("..") != std::string::npos)
    return lacks(package, "Filename");
  const std::string size(stanza.field("Size"));
  const bool is_number = !size.empty() && size.size() < 16 && size.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) return lacks(package, "Size");
  locked.size_bytes = std::stoull(size);
  const auto digest = Digest::parse(stanza.field("SHA256"));
  if (!digest) return lacks(package, "SHA256");
  locked.digest = *digest;
  return locked;
}

Status lock_packages(const Closure& closure, const std::vector<Wish>& wishes, const Universe& universe, Lock& lock) {
  const Chosen chosen = TRY(Chosen::make(closure, universe, lock.recipe.recommends));
  // Layer 0 is the core, layer n + 1 that of recipe n of the chain.
  std::vector<std::string> names{"core"};
  for (const RecipeWishes& each : lock.recipe.wishes) names.push_back(each.recipe);
  std::vector<uint32_t> layers(chosen.size(), kNoLayer);
  for (uint32_t layer = 0; layer < names.size(); ++layer) {
    for (const Wish& wish : wishes) {
      if ((wish.essential ? 0 : wish.recipe + 1) != layer) continue;
      for (const PackageId id : wish.candidates) {
        const auto found = chosen.numbers().find(id);
        if (found != chosen.numbers().end()) chosen.spread(found->second, layer, layers);
      }
    }
  }
  for (uint32_t& layer : layers) layer = layer == kNoLayer ? static_cast<uint32_t>(names.size()) - 1 : layer;
  std::vector<PackageId> ids(chosen.size());
  for (const auto& [id, number] : chosen.numbers()) ids[number] = id;
  for (uint32_t layer = 0; layer < names.size(); ++layer) {
    const std::vector<uint32_t> order = chosen.in_order(layer, layers);
    if (order.empty()) continue;
    for (const uint32_t number : order) {
      lock.packages.push_back(TRY(locked_package(universe.at(ids[number]))));
      lock.packages.back().layer = static_cast<uint32_t>(lock.layers.size());
    }
    lock.layers.push_back(names[layer]);
  }
  return Done{};
}

}  // namespace granary
