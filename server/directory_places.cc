#include "server/directory_places.h"

#include <unordered_set>

namespace granary {

void DirectoryPlaces::add(InodeNumber directory, InodeNumber parent, ByteView name) {
  const auto above = places_.find(parent);
  if (above == places_.end()) return;  // found when needed
  const uint32_t depth = above->second.depth + 1;
  places_[directory] = Place{parent, Bytes(name), depth};
}

Result<const DirectoryPlaces::Place*> DirectoryPlaces::place_of(InodeNumber directory) {
  std::vector<std::pair<InodeNumber, Place>> unknown;  // from `directory` upwards
  std::unordered_set<InodeNumber> seen;
  InodeNumber known = directory;
  while (places_.find(known) == places_.end()) {
    if (!seen.insert(known).second) return Error{Code::kCorrupt, str("directory ", known, " lies below itself")};
    Entry entry = TRY(find_(known));
    const InodeNumber parent = entry.parent;
    unknown.emplace_back(known, Place{parent, std::move(entry.name), 0});
    known = parent;
  }
  uint32_t depth = places_[known].depth;
  for (auto next = unknown.rbegin(); next != unknown.rend(); ++next) {
    next->second.depth = ++depth;
    places_[next->first] = std::move(next->second);
  }
  return &places_[directory];
}

Result<InodeNumber> DirectoryPlaces::common_ancestor_of_two(InodeNumber a, InodeNumber b) {
  while (a != b) {
    const Place* of_a = TRY(place_of(a));
    const Place* of_b = TRY(place_of(b));
    const bool climb_a = of_a->depth >= of_b->depth;
    const bool climb_b = of_b->depth >= of_a->depth;
    if (climb_a) a = of_a->parent;
    if (climb_b) b = of_b->parent;
  }
  return a;
}

Result<InodeNumber> DirectoryPlaces::common_ancestor(const std::vector<InodeNumber>& directories) {
  InodeNumber common = directories.front();
  for (const InodeNumber directory : directories) common = TRY(common_ancestor_of_two(common, directory));
  return common;
}

Result<Bytes> DirectoryPlaces::relative_path(InodeNumber top, InodeNumber directory, ByteView name) {
  std::vector<ByteView> names{name};
  while (directory != top) {
    const Place* place = TRY(place_of(directory));
    if (directory == kRootInode) return Error{Code::kCorrupt, str("directory ", top, " is not above its link group")};
    names.push_back(place->name);
    directory = place->parent;
  }
  Bytes path;
  for (auto part = names.rbegin(); part != names.rend(); ++part) {
    if (!path.empty()) path += '/';
    path += *part;
  }
  return path;
}

}  // namespace granary
