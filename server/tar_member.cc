#include "server/tar_member.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>

#include "fs/format/posix_acl.h"

namespace granary {

namespace {
// "./usr//lib/" is "usr/lib"; the root is "".
Result<Bytes> plain_path(ByteView name) {
  if (name.starts_with('/'))
    return Error{Code::kInvalid, "its name is absolute: archive relative names (tar -C DIR .)"};
  Bytes path;
  while (!name.empty()) {
    const ByteView part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(name.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part == "..") return Error{Code::kInvalid, "its name leads out of the archive by \"..\""};
    TRY(check_name(part));
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

Result<NodeType> type_of(archive_entry* entry) {
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return NodeType::kFile;
    case AE_IFDIR: return NodeType::kDirectory;
    case AE_IFLNK: return NodeType::kSymlink;
    case AE_IFCHR: return NodeType::kCharDevice;
    case AE_IFBLK: return NodeType::kBlockDevice;
    case AE_IFIFO: return NodeType::kFifo;
    case AE_IFSOCK: return NodeType::kSocket;
    default: return Error{Code::kUnsupported, "it is of a type unknown to Granary"};
  }
}

Result<uint32_t> narrow(int64_t value, const char* what) {
  if (value < 0 || value > std::numeric_limits<uint32_t>::max())
    return Error{Code::kUnsupported, str("its ", what, " is ", value, ", beyond 32 bits")};
  return static_cast<uint32_t>(value);
}

void read_mtime(archive_entry* entry, SourceNode& node) {
  if (!archive_entry_mtime_is_set(entry)) return;
  node.mtime = archive_entry_mtime(entry);
  node.mtime_ns = static_cast<uint32_t>(archive_entry_mtime_nsec(entry));
  if (node.mtime >= 0 || node.mtime_ns == 0) return;
  // "-76.5" in a pax header is half a second before -76; libarchive (up to 3.8 at least) makes it half a second after.
  node.mtime -= 1;
  node.mtime_ns = 1'000'000'000 - node.mtime_ns;
}

// GNU tar writes "=" and "%" in the names of xattrs in this way.
Bytes unescape(ByteView name) {
  Bytes plain;
  for (size_t i = 0; i < name.size(); ++i) {
    const ByteView code = name.substr(i, 3);
    const bool is_escaped = code == "%3D" || code == "%25";
    plain += is_escaped ? (code == "%3D" ? '=' : '%') : name[i];
    if (is_escaped) i += 2;
  }
  return plain;
}

void read_xattrs(archive_entry* entry, TarMember& member) {
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    const Bytes plain = unescape(name);
    if (plain.starts_with("trusted.overlay.")) continue;  // overlayfs's own notes, no content
    std::erase_if(member.xattrs, [&](const Xattr& one) { return one.name == plain; });
    member.xattrs.push_back({plain, Bytes(static_cast<const char*>(value), size)});
  }
}

Result<AclEntry> acl_entry(int tag, int permissions, int id) {
  AclEntry entry{0, static_cast<uint16_t>(permissions & 7)};
  switch (tag) {
    case ARCHIVE_ENTRY_ACL_USER_OBJ: entry.tag = AclEntry::kOwner; return entry;
    case ARCHIVE_ENTRY_ACL_GROUP_OBJ: entry.tag = AclEntry::kOwningGroup; return entry;
    case ARCHIVE_ENTRY_ACL_MASK: entry.tag = AclEntry::kMask; return entry;
    case ARCHIVE_ENTRY_ACL_OTHER: entry.tag = AclEntry::kOther; return entry;
    case ARCHIVE_ENTRY_ACL_USER: entry.tag = AclEntry::kUser; break;
    case ARCHIVE_ENTRY_ACL_GROUP: entry.tag = AclEntry::kGroup; break;
    default: return Error{Code::kUnsupported, "its ACL is not a POSIX ACL"};
  }
  if (id < 0) return Error{Code::kInvalid, "its ACL names users without numbers: archive with --numeric-owner"};
  entry.id = static_cast<uint32_t>(id);
  return entry;
}

// The ACL of one kind as an xattr, if the member has one that says more than the mode.
Status read_acl(archive_entry* entry, int kind, const char* xattr_name, TarMember& member) {
  const int count = archive_entry_acl_reset(entry, kind);
  if (count == 0) return Done{};
  std::vector<AclEntry> acl;
  int type = 0, permissions = 0, tag = 0, id = 0;
  const char* name = nullptr;
  while (archive_entry_acl_next(entry, kind, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK) {
    acl.push_back(TRY(acl_entry(tag, permissions, id)));
    // With a mask, the mode's group bits are the mask; libarchive hands out the owning group's.
    if (kind == ARCHIVE_ENTRY_ACL_TYPE_ACCESS && acl.back().tag == AclEntry::kMask)
      member.node.mode = static_cast<uint16_t>((member.node.mode & ~070) | (acl.back().permissions << 3));
  }
  std::erase_if(member.xattrs, [&](const Xattr& one) { return one.name == xattr_name; });
  Bytes encoded = TRY(encode_acl(std::move(acl)));
  member.xattrs.push_back({xattr_name, std::move(encoded)});
  return Done{};
}
}  // namespace

Bytes name_in_archive(archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  return name != nullptr ? name : "(a member without a name)";
}

Result<TarMember> read_member(archive_entry* entry) {
  if (archive_entry_pathname(entry) == nullptr) return Error{Code::kInvalid, "it has no name"};
  TarMember member;
  member.path = TRY(plain_path(archive_entry_pathname(entry)));
  if (const char* link = archive_entry_hardlink(entry)) {
    member.link_to = TRY_WITHIN("it is a hard link", plain_path(link));
    return member;
  }
  SourceNode& node = member.node;
  node.type = TRY(type_of(entry));
  node.mode = static_cast<uint16_t>(archive_entry_perm(entry) & 07777);
  node.uid = TRY(narrow(archive_entry_uid(entry), "owner"));
  node.gid = TRY(narrow(archive_entry_gid(entry), "group"));
  read_mtime(entry, node);
  read_xattrs(entry, member);
  TRY(read_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", member));
  TRY(read_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", member));
  std::sort(member.xattrs.begin(), member.xattrs.end());
  if (node.type == NodeType::kFile) member.size_bytes = static_cast<uint64_t>(archive_entry_size(entry));
  if (node.type == NodeType::kCharDevice || node.type == NodeType::kBlockDevice) {
    node.device_major = static_cast<uint32_t>(archive_entry_rdevmajor(entry));
    node.device_minor = static_cast<uint32_t>(archive_entry_rdevminor(entry));
  }
  if (node.type == NodeType::kSymlink && archive_entry_symlink(entry) != nullptr)
    member.target = archive_entry_symlink(entry);

  Node limits;  // what the format limits
  limits.type = node.type;
  limits.mode = node.mode;
  limits.mtime_ns = node.mtime_ns;
  limits.xattrs = member.xattrs;
  limits.target = member.target;
  limits.size_bytes = member.size_bytes;
  TRY(check_node(limits));
  return member;
}

}  // namespace granary
