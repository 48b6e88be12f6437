// What a tree is made of: the entries of directories, and the slices of files.
// Value types without behaviour; docs/format.md, 4 to 6, defines their encodings.
#pragma once

#include <cstdint>
#include <vector>

#include "fs/format/object.h"

namespace granary {

// Numbers of the format: never changed, never reused.
enum class NodeType : uint8_t {
  kFile = 1,
  kDirectory = 2,
  kSymlink = 3,
  kCharDevice = 4,
  kBlockDevice = 5,
  kFifo = 6,
  kSocket = 7,
};

const char* name_of(NodeType type);  // "file", "directory", …

using InodeNumber = uint64_t;
inline constexpr InodeNumber kRootInode = 1;
inline constexpr InodeNumber kFirstFreeInode = 16;
inline constexpr InodeNumber kMaxInode = (InodeNumber{1} << 48) - 1;

inline constexpr size_t kMaxNameBytes = 255;
inline constexpr size_t kMaxTargetBytes = 4095;
inline constexpr size_t kMaxXattrValueBytes = 65536;

struct Xattr {
  Bytes name;
  Bytes value;
  auto operator<=>(const Xattr&) const = default;
};

// A run of one file's bytes: `length_bytes` from `offset_bytes` on within an object, or a hole.
struct Slice {
  ObjectId object;  // none: a hole, read as zeros
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;

  bool is_hole() const { return object.is_none(); }
  auto operator<=>(const Slice&) const = default;
};

// One entry, without its place in the tree: all that the tree digest covers.
struct Node {
  NodeType type = NodeType::kFile;
  uint32_t mode = 0;  // & 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime = 0;  // seconds
  uint32_t mtime_ns = 0;
  std::vector<Xattr> xattrs;  // sorted by name
  uint64_t size_bytes = 0;    // files: logical size
  Digest digest;              // files: SHA-256 of the plain file; directories: directory digest
  Bytes target;               // symbolic links
  uint32_t device_major = 0;  // devices
  uint32_t device_minor = 0;

  bool is_file() const { return type == NodeType::kFile; }
  bool is_directory() const { return type == NodeType::kDirectory; }
  bool operator==(const Node&) const = default;
};

// One row of a catalog: a node with its name, its place and, for files, where the bytes lie.
struct Entry {
  InodeNumber parent = 0;
  Bytes name;
  InodeNumber inode = 0;
  uint32_t nlink = 1;
  Node node;  // for directories size_bytes counts the entries
  std::vector<Slice> slices;
  bool slices_elsewhere = false;  // they stand in the catalog's slice table: see Catalog::slices
};

// kInvalid, naming the rule, unless `name` may name an entry (docs/format.md, 5).
Status check_name(ByteView name);
// kInvalid unless sizes, names and order of everything in `node` are within the format's limits.
Status check_node(const Node& node);

Bytes encode_xattrs(const std::vector<Xattr>& xattrs);
Result<std::vector<Xattr>> decode_xattrs(ByteView encoded);

Bytes encode_slices(const std::vector<Slice>& slices);
// kCorrupt unless well-formed; lengths are positive and sum up to `size_bytes`.
Result<std::vector<Slice>> decode_slices(ByteView encoded, uint64_t size_bytes);

}  // namespace granary
