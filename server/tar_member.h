// read_member: what the header of one member of a tar archive says, in our words. Pure.
#pragma once

#include <optional>
#include <vector>

#include "server/source_tree.h"

struct archive_entry;

namespace granary {

struct TarMember {
  Bytes path;       // without "./"; "" is the root
  SourceNode node;  // its numbers of xattrs, target and content are not filled in
  uint64_t size_bytes = 0;
  std::vector<Xattr> xattrs;
  Bytes target;
  std::optional<Bytes> link_to;  // a hard link to this path; nothing else counts then
};

// The name in the archive as it is, for messages.
Bytes name_in_archive(archive_entry* entry);

//   kInvalid, kUnsupported  why it cannot be taken
Result<TarMember> read_member(archive_entry* entry);

}  // namespace granary
