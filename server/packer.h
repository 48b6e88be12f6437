// Packer: puts small files into shared objects, in the order in which they are added, so that neighbours in the tree
// travel together; apart from these, those that a profile wants together, in its order. A content that is known
// already, from this publish or an earlier one, is not stored again.
// One thread. Borrows all it is given.
#pragma once

#include <map>
#include <unordered_map>

#include "fs/format/packing.h"
#include "server/content.h"
#include "server/object_writer.h"

namespace granary {

// Contents that go into packs of their own, and their places in the order there.
using PackOrder = std::unordered_map<Digest, size_t>;
// As many bytes of such contents wait in memory for their turn; what is beyond goes with its neighbours in the tree.
inline constexpr size_t kMaxHeldBytes = size_t{256} << 20;

class Packer {
 public:
  // `known` and `together` may be absent.
  Packer(ObjectWriter& writer, KnownContents* known, ContentTable& contents, const PackOrder* together = nullptr)
      : writer_(writer), known_(known), contents_(contents), together_(together) {}

  // A small file, whole, and its digest. Its slices are complete after `finish`.
  Result<ContentTable::Number> add(const Digest& digest, ByteView bytes);
  // Hands the last packs to the writer.
  Status finish();

 private:
  struct Held {
    ContentTable::Number number;
    Bytes bytes;
  };

  Status append(ContentTable::Number number, ByteView bytes);
  Status close_pack();

  ObjectWriter& writer_;
  KnownContents* const known_;
  ContentTable& contents_;
  const PackOrder* const together_;
  std::map<size_t, Held> held_;  // by place
  size_t held_bytes_ = 0;
  Bytes pack_;
  std::vector<ContentTable::Number> in_pack_;  // wait for its name
};

}  // namespace granary
