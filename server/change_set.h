// ChangeSet: what a publish does to a tree, path by path, so that it can be applied to the branch as it was, or
// replayed on what another publisher made of it meanwhile. Value types.
#pragma once

#include <optional>
#include <vector>

#include "fs/format/node.h"

namespace granary {

// A change to one path, relative to the root, no leading slash; "" is the root directory itself.
struct Change {
  enum class Kind : uint8_t {
    kPut,     // the path is this node from now on; a directory that was one keeps its contents
    kRemove,  // the path and all below it are gone; a path that is not there already is
  };
  Kind kind = Kind::kPut;
  Bytes path;
  Node node;                  // kPut; a directory's digest and size are ignored
  std::vector<Slice> slices;  // kPut of a regular file: they cover it; none with `keep_inode`: the ones it has stay
  // kPut: the number of the inode it had when the content is unchanged (metadata changed only, or another name of it);
  // 0: a new one.
  InodeNumber keep_inode = 0;
  // A name or group that keeps a number which turns out to have yet other names gets a new one. Directories keep theirs
  // by themselves. kPut: names that are one hard-link group carry the same number, not 0. When a group changes, all its
  // names are in the set.
  uint64_t link_group = 0;
};

// Sorted so that a directory comes before what is below it (component-wise byte order, see `path_less`); no path twice.
struct ChangeSet {
  std::vector<Change> changes;
};

// Orders paths component by component: "a" < "a/b" < "a-b".
bool path_less(ByteView a, ByteView b);
// True when `path` is `top` or lies below it; everything is below "".
bool is_at_or_below(ByteView path, ByteView top);

}  // namespace granary
