// TreeBuilder: a source tree out of entries that come by path, in any order and repeatedly: the last one counts.
// A directory that nobody names but others lie in has mode 0755 and owner, group and time 0. One thread.
#pragma once

#include <unordered_set>

#include "server/source_tree.h"

namespace granary {

class TreeBuilder {
 public:
  TreeBuilder();
  TreeBuilder(const TreeBuilder&) = delete;  // the index points back here
  TreeBuilder& operator=(const TreeBuilder&) = delete;

  SourceTree& tree() { return tree_; }
  // Nothing when there is no such entry (any more).
  std::optional<SourceTree::Number> find(ByteView path) const;
  // Puts an entry at `path`, in place of what was there; a directory that stays one keeps what is below it.
  //   kInvalid  something above it is no directory, or it is the root and `node` no directory
  Status put(ByteView path, const SourceNode& node);
  // Makes `path` another name of `target`.
  Status link(ByteView path, SourceTree::Number target);

  // The result, sealed; nothing may follow.
  SourceTree finish();

 private:
  using Number = SourceTree::Number;
  struct Place {
    Number parent;
    ByteView name;
    bool operator==(const Place&) const = default;
  };
  struct Hash {
    using is_transparent = void;
    const SourceTree* tree;
    size_t operator()(const Place& place) const;
    size_t operator()(Number number) const { return (*this)(Place{tree->parent(number), tree->name(number)}); }
  };
  struct Equal {
    using is_transparent = void;
    const SourceTree* tree;
    Place place(Number number) const { return {tree->parent(number), tree->name(number)}; }
    bool operator()(Number a, Number b) const { return a == b; }
    bool operator()(const Place& a, Number b) const { return a == place(b); }
    bool operator()(Number a, const Place& b) const { return place(a) == b; }
  };

  Number add(Number parent, ByteView name, const SourceNode& node);
  Result<Number> directory_above(ByteView path);

  SourceTree tree_;
  std::unordered_set<Number, Hash, Equal> by_place_{16, Hash{&tree_}, Equal{&tree_}};
  uint32_t last_link_group_ = 0;
};

}  // namespace granary
