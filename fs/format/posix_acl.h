// The kernel's encoding of POSIX ACLs, which is the value of the xattrs system.posix_acl_access and …_default:
// little-endian, u32 2, then for each entry u16 tag, u16 permissions, u32 id, sorted by tag and id. Pure.
#pragma once

#include <vector>

#include "fs/base/bytes.h"

namespace granary {

struct AclEntry {
  enum Tag : uint16_t { kOwner = 1, kUser = 2, kOwningGroup = 4, kGroup = 8, kMask = 16, kOther = 32 };
  uint16_t tag;
  uint16_t permissions;        // rwx as 4 2 1
  uint32_t id = ~uint32_t{0};  // of kUser and kGroup
  auto operator<=>(const AclEntry&) const = default;
};

// In whatever order; kInvalid unless it is a complete ACL: the three base entries, a mask if there are others, none
// twice.
Result<Bytes> encode_acl(std::vector<AclEntry> entries);

// The entries of such a value, as they stand. kCorrupt when it is none.
Result<std::vector<AclEntry>> decode_acl(ByteView value);

}  // namespace granary
