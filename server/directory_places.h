// DirectoryPlaces: where directories lie while a catalog is being changed. A directory never moves and its number is
// never used again, so a place once learnt stays right, also of one that is gone. One thread.
#pragma once

#include <functional>
#include <unordered_map>

#include "fs/format/node.h"

namespace granary {

class DirectoryPlaces {
 public:
  struct Place {
    InodeNumber parent = 0;
    Bytes name;
    uint32_t depth = 0;  // the root's is 0
  };
  // Finds the row of a directory that is not known yet.
  using Find = std::function<Result<Entry>(InodeNumber directory)>;

  explicit DirectoryPlaces(Find find) : find_(std::move(find)) {}

  // A new directory below a known one.
  void add(InodeNumber directory, InodeNumber parent, ByteView name);

  // kCorrupt when the directories form a loop.
  Result<const Place*> place_of(InodeNumber directory);
  // The lowest directory below which, or in which, all of `directories` lie.
  Result<InodeNumber> common_ancestor(const std::vector<InodeNumber>& directories);
  // The path of `name` in `directory`, as seen from `top`, which is above it or is it.
  Result<Bytes> relative_path(InodeNumber top, InodeNumber directory, ByteView name);

 private:
  Result<InodeNumber> common_ancestor_of_two(InodeNumber a, InodeNumber b);

  Find find_;
  std::unordered_map<InodeNumber, Place> places_{{kRootInode, Place{}}};
};

}  // namespace granary
