#include "fs/format/node.h"

namespace granary {

const char* name_of(NodeType type) {
  switch (type) {
    case NodeType::kFile: return "file";
    case NodeType::kDirectory: return "directory";
    case NodeType::kSymlink: return "symlink";
    case NodeType::kCharDevice: return "character device";
    case NodeType::kBlockDevice: return "block device";
    case NodeType::kFifo: return "fifo";
    case NodeType::kSocket: return "socket";
  }
  return "unknown";
}

Status check_name(ByteView name) {
  if (name.empty()) return Error{Code::kInvalid, "a name is empty"};
  if (name.size() > kMaxNameBytes)
    return Error{Code::kInvalid, str("a name has ", name.size(), " bytes (at most 255)")};
  if (name == "." || name == "..") return Error{Code::kInvalid, str("\"", name, "\" is not a name")};
  if (name.find('/') != ByteView::npos) return Error{Code::kInvalid, str("a name holds a slash: ", printable(name))};
  if (name.find('\0') != ByteView::npos) return Error{Code::kInvalid, str("a name holds a NUL: ", printable(name))};
  return Done{};
}

namespace {
Status check_xattrs(const std::vector<Xattr>& xattrs) {
  for (size_t i = 0; i < xattrs.size(); ++i) {
    const Xattr& xattr = xattrs[i];
    const bool named =
        !xattr.name.empty() && xattr.name.size() <= kMaxNameBytes && xattr.name.find('\0') == Bytes::npos;
    if (!named) return Error{Code::kInvalid, str("bad xattr name ", printable(xattr.name))};
    if (xattr.value.size() > kMaxXattrValueBytes)
      return Error{Code::kInvalid,
                   str("xattr ", printable(xattr.name), " has ", xattr.value.size(), " bytes (at most 65536)")};
    if (i > 0 && !(xattrs[i - 1].name < xattr.name))
      return Error{Code::kInvalid, str("xattr ", printable(xattr.name), " is out of order")};
  }
  return Done{};
}
}  // namespace

Status check_node(const Node& node) {
  if (node.type < NodeType::kFile || node.type > NodeType::kSocket)
    return Error{Code::kInvalid, str("unknown node type ", int(node.type))};
  if ((node.mode & ~07777U) != 0) return Error{Code::kInvalid, str("mode ", node.mode, " has unknown bits")};
  if (node.mtime_ns > 999'999'999) return Error{Code::kInvalid, str("mtime has ", node.mtime_ns, " nanoseconds")};
  if (node.type == NodeType::kSymlink) {
    if (node.target.empty() || node.target.size() > kMaxTargetBytes)
      return Error{Code::kInvalid, str("a symlink's target has ", node.target.size(), " bytes (1 to 4095)")};
    if (node.target.find('\0') != Bytes::npos) return Error{Code::kInvalid, "a symlink's target holds a NUL"};
  }
  if (node.is_file() && node.size_bytes > uint64_t{INT64_MAX})
    return Error{Code::kInvalid, "a file is larger than 2^63-1 bytes"};
  return check_xattrs(node.xattrs);
}

Bytes encode_xattrs(const std::vector<Xattr>& xattrs) {
  ByteWriter out;
  out.u32(static_cast<uint32_t>(xattrs.size()));
  for (const Xattr& xattr : xattrs) out.string(xattr.name).string(xattr.value);
  return out.take();
}

Result<std::vector<Xattr>> decode_xattrs(ByteView encoded) {
  ByteReader in(encoded);
  std::vector<Xattr> xattrs;
  const uint32_t count = in.u32();
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    Xattr xattr;
    xattr.name = in.string();
    xattr.value = in.string();
    xattrs.push_back(std::move(xattr));
  }
  if (!in.ok() || !in.at_end()) return Error{Code::kCorrupt, "damaged xattrs"};
  if (const Status sound = check_xattrs(xattrs); !sound) return Error{Code::kCorrupt, sound.error().message};
  return xattrs;
}

Bytes encode_slices(const std::vector<Slice>& slices) {
  ByteWriter out;
  for (const Slice& slice : slices) {
    if (slice.is_hole()) {
      out.u8(0).varint(slice.length_bytes);
    } else {
      out.u8(1).bytes(slice.object.raw()).varint(slice.offset_bytes).varint(slice.length_bytes);
    }
  }
  return out.take();
}

Result<std::vector<Slice>> decode_slices(ByteView encoded, uint64_t size_bytes) {
  const Error damaged{Code::kCorrupt, "damaged slice list"};
  ByteReader in(encoded);
  std::vector<Slice> slices;
  uint64_t missing_bytes = size_bytes;
  while (in.ok() && !in.at_end()) {
    Slice slice;
    const uint8_t kind = in.u8();
    if (kind > 1) return damaged;
    if (kind == 1) {
      const ByteView object = in.bytes(Digest::kSizeBytes);
      slice.offset_bytes = in.varint();
      if (!in.ok()) return damaged;
      slice.object = TRY(Digest::from_raw(object));
      if (slice.is_hole()) return damaged;
    }
    slice.length_bytes = in.varint();
    const bool inside_object = kind == 0 || (slice.offset_bytes <= kMaxObjectBytes &&
                                             slice.length_bytes <= kMaxObjectBytes - slice.offset_bytes);
    if (!in.ok() || !inside_object || slice.length_bytes == 0 || slice.length_bytes > missing_bytes) return damaged;
    missing_bytes -= slice.length_bytes;
    slices.push_back(slice);
  }
  if (!in.ok() || missing_bytes != 0) return damaged;
  return slices;
}

}  // namespace granary
