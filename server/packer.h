// Packer: puts small files into shared objects, in the order in which they are added, so that neighbours in the tree
// travel together. A content that is known already, from this publish or an earlier one, is not stored again.
// One thread. Borrows all it is given.
#pragma once

#include "server/content.h"
#include "server/object_writer.h"

namespace granary {

// Files of at least this size are stored by `store_large_file`.
inline constexpr uint64_t kLargeFileBytes = 128 << 10;
inline constexpr size_t kPackBytes = 256 << 10;

class Packer {
 public:
  // `known` may be absent.
  Packer(ObjectWriter& writer, KnownContents* known, ContentTable& contents)
      : writer_(writer), known_(known), contents_(contents) {}

  // A small file, whole, and its digest. Its slices are complete after `finish`.
  Result<ContentTable::Number> add(const Digest& digest, ByteView bytes);
  // Hands the last pack to the writer.
  Status finish();

 private:
  Status close_pack();

  ObjectWriter& writer_;
  KnownContents* const known_;
  ContentTable& contents_;
  Bytes pack_;
  std::vector<ContentTable::Number> in_pack_;  // wait for its name
};

}  // namespace granary
