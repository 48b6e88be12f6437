// What walks over catalogs share: a directory's entries by portions, and the paths of hard-link groups.
// One thread. Both borrow the catalog.
#pragma once

#include <deque>
#include <set>
#include <unordered_map>

#include "fs/format/catalog.h"

namespace granary {

// The entries of a directory one after the other, read some hundred at a time, so that any directory may be huge.
class DirectoryCursor {
 public:
  // Inode 0: a directory that is not there, and empty.
  DirectoryCursor(Catalog& catalog, InodeNumber directory) : catalog_(&catalog), directory_(directory) {}

  // The entry at hand, null after the last. Valid until `advance`.
  Result<const Entry*> current();
  void advance() { entries_.pop_front(); }
  Entry take() {
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    return entry;
  }

 private:
  Status load();

  Catalog* catalog_;
  InodeNumber directory_;
  Bytes last_;
  bool exhausted_ = false;
  std::deque<Entry> entries_;
};

// Two directories side by side: what each has under the next name, in order.
struct Pair {
  const Entry* before = nullptr;
  const Entry* after = nullptr;

  bool at_end() const { return before == nullptr && after == nullptr; }
  const Bytes& name() const { return before != nullptr ? before->name : after->name; }
};
Result<Pair> next_pair(DirectoryCursor& before, DirectoryCursor& after);

using PathGroup = std::set<Bytes>;  // the paths of one hard-link group, relative to the root

class LinkGroupPaths {
 public:
  explicit LinkGroupPaths(Catalog& catalog) : catalog_(catalog) {}
  // The groups that a directory records; none for inode 0.
  Result<std::set<PathGroup>> recorded_in(InodeNumber directory);

 private:
  Catalog& catalog_;
  std::unordered_map<InodeNumber, Bytes> paths_;  // of directories
};

Bytes join_path(ByteView directory, ByteView name);
// What a directory says of itself: everything but its contents.
bool same_metadata(const Node& a, const Node& b);
bool same_metadata_but_time(const Node& a, const Node& b);

}  // namespace granary
