#include "fs/format/posix_acl.h"

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

Result<std::vector<AclEntry>> decode_acl(ByteView value) {
  constexpr size_t kEntryBytes = 8;
  ByteReader in(value);
  if (in.u32() != kVersion || in.remaining() % kEntryBytes != 0) return Error{Code::kCorrupt, "not a POSIX ACL"};
  std::vector<AclEntry> out;
  while (in.ok() && !in.at_end()) {
    AclEntry entry{};
    entry.tag = in.u16();
    entry.permissions = in.u16();
    entry.id = in.u32();
    out.push_back(entry);
  }
  return out;
}

}  // namespace granary
