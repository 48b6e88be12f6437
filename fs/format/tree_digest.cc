#include "fs/format/tree_digest.h"

#include <algorithm>
#include <cassert>

namespace granary {

namespace {
constexpr ByteView kDirectoryTag("granary-dir-v1\0\0", 16);
constexpr ByteView kTreeTag("granary-tree-v1\0", 16);

void encode_payload(ByteWriter& out, const Node& node) {
  switch (node.type) {
    case NodeType::kFile: out.u64(node.size_bytes).bytes(node.digest.raw()); break;
    case NodeType::kDirectory: out.bytes(node.digest.raw()); break;
    case NodeType::kSymlink: out.string(node.target); break;
    case NodeType::kCharDevice:
    case NodeType::kBlockDevice: out.u32(node.device_major).u32(node.device_minor); break;
    case NodeType::kFifo:
    case NodeType::kSocket: break;
  }
}
}  // namespace

Bytes encode_node(ByteView name, const Node& node) {
  ByteWriter out;
  out.u8(static_cast<uint8_t>(node.type)).string(name).u32(node.mode).u32(node.uid).u32(node.gid);
  out.i64(node.mtime).u32(node.mtime_ns).bytes(encode_xattrs(node.xattrs));
  encode_payload(out, node);
  return out.take();
}

DirectoryDigester::DirectoryDigester(uint32_t entry_count) : entries_missing_(entry_count) {
  hash_.update(kDirectoryTag).update(ByteWriter().u32(entry_count).take());
}

void DirectoryDigester::add(ByteView name, const Node& node) {
  assert(entries_missing_ > 0);
  --entries_missing_;
  hash_.update(encode_node(name, node));
}

Digest DirectoryDigester::finish(std::vector<std::vector<Bytes>> link_groups) {
  assert(entries_missing_ == 0);
  for (auto& paths : link_groups) std::sort(paths.begin(), paths.end());
  std::sort(link_groups.begin(), link_groups.end());
  ByteWriter out;
  out.u32(static_cast<uint32_t>(link_groups.size()));
  for (const auto& paths : link_groups) {
    out.u32(static_cast<uint32_t>(paths.size()));
    for (const Bytes& path : paths) out.string(path);
  }
  return hash_.update(out.view()).finish();
}

Digest tree_digest(const Node& root) { return Sha256().update(kTreeTag).update(encode_node({}, root)).finish(); }

}  // namespace granary
