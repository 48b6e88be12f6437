// The Merkle identity of trees (docs/format.md, 5): equal for equal trees, whatever their packing or history.
#pragma once

#include <vector>

#include "fs/format/node.h"

namespace granary {

// The node encoding of one entry.
Bytes encode_node(ByteView name, const Node& node);

// DirectoryDigester: computes one directory's digest. Entries must be added in unsigned byte order of
// name, then the hard-link groups that this directory records. One thread.
class DirectoryDigester {
 public:
  explicit DirectoryDigester(uint32_t entry_count);
  void add(ByteView name, const Node& node);
  // Each group: its paths relative to this directory; order of paths and groups does not matter.
  Digest finish(std::vector<std::vector<Bytes>> link_groups);

 private:
  Sha256 hash_;
  uint32_t entries_missing_;
};

// The tree digest of a directory standing alone; `root.digest` is its directory digest.
Digest tree_digest(const Node& root);

}  // namespace granary
