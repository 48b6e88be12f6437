#include "server/posix_acl.h"

#include <algorithm>

namespace granary {

namespace {
constexpr uint32_t kVersion = 2;
}

Result<Bytes> encode_acl(std::vector<AclEntry> entries) {
  std::sort(entries.begin(), entries.end());
  uint16_t tags = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0 && entries[i - 1].tag == entries[i].tag && entries[i - 1].id == entries[i].id)
      return Error{Code::kInvalid, "its ACL names somebody twice"};
    tags |= entries[i].tag;
  }
  constexpr uint16_t kBase = AclEntry::kOwner | AclEntry::kOwningGroup | AclEntry::kOther;
  const bool needs_mask = (tags & (AclEntry::kUser | AclEntry::kGroup)) != 0;
  if ((tags & kBase) != kBase || (needs_mask && (tags & AclEntry::kMask) == 0))
    return Error{Code::kInvalid, "its ACL is incomplete"};
  ByteWriter out;
  out.u32(kVersion);
  for (const AclEntry& entry : entries) out.u16(entry.tag).u16(entry.permissions).u32(entry.id);
  return out.take();
}

}  // namespace granary
