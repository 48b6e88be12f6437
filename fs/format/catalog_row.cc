#include "fs/format/catalog_row.h"

namespace granary {

namespace {

enum Column : int {
  kParent,
  kName,
  kInode,
  kType,
  kMode,
  kUid,
  kGid,
  kMtime,
  kMtimeNs,
  kNlink,
  kSize,
  kDigest,
  kData,
  kXattrs
};

Error broken(const std::string& why) { return {Code::kCorrupt, why}; }

// The integer in a column, at most `highest`.
Result<uint64_t> number(const SqlStatement& row, Column column, uint64_t highest, const char* what) {
  const int64_t value = row.integer(column);
  if (!row.is_integer(column) || value < 0 || static_cast<uint64_t>(value) > highest) return broken(str("bad ", what));
  return static_cast<uint64_t>(value);
}

bool is_device(NodeType type) { return type == NodeType::kCharDevice || type == NodeType::kBlockDevice; }

Status read_place(const SqlStatement& row, Entry& entry) {
  entry.parent = TRY(number(row, kParent, kMaxInode, "parent"));
  if (!row.is_blob(kName)) return broken("bad name");
  entry.name = row.blob(kName);
  entry.inode = TRY(number(row, kInode, kMaxInode, "inode number"));
  const bool is_root = entry.parent == 0;
  if (is_root != (entry.inode == kRootInode) || is_root != entry.name.empty())
    return broken("a second or misplaced root");
  if (!is_root) {
    if (entry.inode < kFirstFreeInode) return broken("a reserved inode number");
    if (entry.parent > kRootInode && entry.parent < kFirstFreeInode) return broken("bad parent");
    if (const Status named = check_name(entry.name); !named) return broken(named.error().message);
  }
  return Done{};
}

Status read_metadata(const SqlStatement& row, Entry& entry) {
  Node& node = entry.node;
  node.type = static_cast<NodeType>(TRY(number(row, kType, static_cast<uint64_t>(NodeType::kSocket), "type")));
  node.mode = static_cast<uint32_t>(TRY(number(row, kMode, 07777, "mode")));
  node.uid = static_cast<uint32_t>(TRY(number(row, kUid, UINT32_MAX, "uid")));
  node.gid = static_cast<uint32_t>(TRY(number(row, kGid, UINT32_MAX, "gid")));
  if (!row.is_integer(kMtime)) return broken("bad mtime");
  node.mtime = row.integer(kMtime);
  node.mtime_ns = static_cast<uint32_t>(TRY(number(row, kMtimeNs, 999'999'999, "mtime_ns")));
  entry.nlink = static_cast<uint32_t>(TRY(number(row, kNlink, UINT32_MAX, "nlink")));
  if (entry.nlink < (node.is_directory() ? 2U : 1U)) return broken("bad nlink");
  if (entry.parent == 0 && !node.is_directory()) return broken("the root is not a directory");
  if (row.is_null(kXattrs)) return Done{};
  if (!row.is_blob(kXattrs)) return broken("bad xattrs");
  node.xattrs = TRY(decode_xattrs(row.blob(kXattrs)));
  if (node.xattrs.empty()) return broken("an empty list of xattrs");
  return Done{};
}

Status read_digest(const SqlStatement& row, Node& node) {
  if (!node.is_file() && !node.is_directory())
    return row.is_null(kDigest) ? Status(Done{}) : broken("a digest too many");
  if (!row.is_blob(kDigest)) return broken("bad digest");
  node.digest = TRY(Digest::from_raw(row.blob(kDigest)));
  return Done{};
}

Status read_data(const SqlStatement& row, Entry& entry) {
  Node& node = entry.node;
  const uint64_t size_bytes = TRY(number(row, kSize, INT64_MAX, "size"));
  const bool has_data = node.is_file() || node.type == NodeType::kSymlink || is_device(node.type);
  if (!row.is_null(kData) && !(has_data && row.is_blob(kData))) return broken("bad data");
  const ByteView data = row.blob(kData);
  if (node.is_file()) {
    node.size_bytes = size_bytes;
    entry.slices_elsewhere = row.is_null(kData);
    if (entry.slices_elsewhere && size_bytes == 0) return broken("bad data");
    if (!entry.slices_elsewhere) entry.slices = TRY(decode_slices(data, size_bytes));
    return Done{};
  }
  if (node.is_directory()) {
    if (size_bytes > UINT32_MAX) return broken("bad size");
    node.size_bytes = size_bytes;
    return Done{};
  }
  if (node.type == NodeType::kSymlink) {
    node.target = data;
    if (size_bytes != data.size()) return broken("bad size");
    return Done{};
  }
  if (size_bytes != 0) return broken("bad size");
  if (!is_device(node.type)) return Done{};
  ByteReader in(data);
  node.device_major = in.u32();
  node.device_minor = in.u32();
  return in.ok() && in.at_end() ? Status(Done{}) : broken("bad device number");
}

Status read_all(const SqlStatement& row, Entry& entry) {
  TRY(read_place(row, entry));
  TRY(read_metadata(row, entry));
  TRY(read_digest(row, entry.node));
  TRY(read_data(row, entry));
  if (const Status sound = check_node(entry.node); !sound) return broken(sound.error().message);
  return Done{};
}

}  // namespace

Result<Entry> read_entry(const SqlStatement& row) {
  Entry entry;
  if (const Status read = read_all(row, entry); !read)
    return read.error().within(str("the catalog's row for \"", printable(row.blob(kName)), "\" in directory ",
                                   row.integer(kParent), " is damaged"));
  return entry;
}

EncodedEntry encode_entry(const Entry& entry) {
  EncodedEntry out;
  const Node& node = entry.node;
  if (node.is_file() && !entry.slices_elsewhere) out.data = encode_slices(entry.slices);
  if (node.type == NodeType::kSymlink) out.data = node.target;
  if (is_device(node.type)) out.data = ByteWriter().u32(node.device_major).u32(node.device_minor).take();
  out.has_data = !out.data.empty() || (node.is_file() && !entry.slices_elsewhere);
  if (!node.xattrs.empty()) out.xattrs = encode_xattrs(node.xattrs);
  return out;
}

void bind_entry(SqlStatement& statement, const Entry& entry, const EncodedEntry& encoded) {
  const Node& node = entry.node;
  const uint64_t size_bytes = node.type == NodeType::kSymlink ? node.target.size() : node.size_bytes;
  statement.bind(1 + kParent, entry.parent).bind(1 + kName, ByteView(entry.name)).bind(1 + kInode, entry.inode);
  statement.bind(1 + kType, static_cast<uint32_t>(node.type)).bind(1 + kMode, node.mode);
  statement.bind(1 + kUid, node.uid).bind(1 + kGid, node.gid);
  statement.bind(1 + kMtime, node.mtime).bind(1 + kMtimeNs, node.mtime_ns).bind(1 + kNlink, entry.nlink);
  statement.bind(1 + kSize, node.is_file() || node.is_directory() || node.type == NodeType::kSymlink ? size_bytes : 0);
  const bool has_digest = node.is_file() || node.is_directory();
  has_digest ? statement.bind(1 + kDigest, node.digest.raw()) : statement.bind_null(1 + kDigest);
  encoded.has_data ? statement.bind(1 + kData, ByteView(encoded.data)) : statement.bind_null(1 + kData);
  encoded.xattrs.empty() ? statement.bind_null(1 + kXattrs) : statement.bind(1 + kXattrs, ByteView(encoded.xattrs));
}

Result<SliceRow> read_slice(const SqlStatement& row) {
  const Error damaged = broken("a row of the catalog's slices is damaged");
  SliceRow out{};
  for (const int column : {0, 1, 3}) {
    if (!row.is_integer(column) || row.integer(column) < 0) return damaged;
  }
  out.start_bytes = static_cast<uint64_t>(row.integer(0));
  out.slice.length_bytes = static_cast<uint64_t>(row.integer(1));
  out.slice.offset_bytes = static_cast<uint64_t>(row.integer(3));
  if (out.slice.length_bytes == 0) return damaged;
  if (row.is_null(2)) return out.slice.offset_bytes == 0 ? Result<SliceRow>(out) : damaged;
  if (!row.is_blob(2)) return damaged;
  out.slice.object = TRY(Digest::from_raw(row.blob(2)));
  const bool inside =
      out.slice.offset_bytes <= kMaxObjectBytes && out.slice.length_bytes <= kMaxObjectBytes - out.slice.offset_bytes;
  if (!inside || out.slice.is_hole()) return damaged;
  return out;
}

}  // namespace granary
