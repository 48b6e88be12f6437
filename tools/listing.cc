#include "tools/listing.h"

#include "fs/base/time.h"

namespace granary {

std::string mode_text(const Node& node) {
  static constexpr char kTypes[] = "?-dlcbps";
  std::string text(1, kTypes[static_cast<size_t>(node.type)]);
  for (int shift = 6; shift >= 0; shift -= 3) {
    const uint32_t bits = node.mode >> shift;
    text += (bits & 4) != 0 ? 'r' : '-';
    text += (bits & 2) != 0 ? 'w' : '-';
    text += (bits & 1) != 0 ? 'x' : '-';
  }
  const auto mark = [&](uint32_t bit, size_t at, char set, char set_only) {
    if ((node.mode & bit) != 0) text[at] = text[at] == 'x' ? set : set_only;
  };
  mark(04000, 3, 's', 'S');
  mark(02000, 6, 's', 'S');
  mark(01000, 9, 't', 'T');
  return text;
}

namespace {
bool is_device(const Node& node) { return node.type == NodeType::kCharDevice || node.type == NodeType::kBlockDevice; }
// As lstat(2) has it.
uint64_t shown_bytes(const Node& node) {
  return node.type == NodeType::kSymlink ? node.target.size() : node.size_bytes;
}
}  // namespace

std::string long_line(const Entry& entry, const Bytes& path) {
  const Node& node = entry.node;
  const std::string size =
      is_device(node) ? str(node.device_major, ",", node.device_minor) : std::to_string(shown_bytes(node));
  std::string line = str(mode_text(node), " ", entry.nlink, " ", node.uid, " ", node.gid, " ", size, " ",
                         format_utc(node.mtime), " ", printable(path));
  if (node.type == NodeType::kSymlink) line += " -> " + printable(node.target);
  return line;
}

OrderedJson entry_json(const Entry& entry, const Bytes& path) {
  const Node& node = entry.node;
  OrderedJson json{
      {"path", printable(path)}, {"type", name_of(node.type)}, {"mode", node.mode},   {"uid", node.uid},
      {"gid", node.gid},         {"size", shown_bytes(node)},  {"mtime", node.mtime}, {"mtime_ns", node.mtime_ns},
      {"inode", entry.inode},    {"nlink", entry.nlink}};
  if (node.is_file() || node.is_directory()) json["digest"] = node.digest.hex();
  if (node.type == NodeType::kSymlink) json["target"] = printable(node.target);
  if (is_device(node)) json["device"] = str(node.device_major, ":", node.device_minor);
  if (!node.xattrs.empty()) {
    OrderedJson xattrs = OrderedJson::object();
    for (const Xattr& xattr : node.xattrs) xattrs[printable(xattr.name)] = to_hex(xattr.value);
    json["xattrs"] = xattrs;
  }
  return json;
}

}  // namespace granary
