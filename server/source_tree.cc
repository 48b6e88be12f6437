#include "server/source_tree.h"

#include <algorithm>
#include <cassert>

namespace granary {

SourceTree::Number SourceTree::add(Number parent, ByteView name, const SourceNode& node) {
  assert(rows_.size() < ~Number{0});
  assert(parent < rows_.size() || rows_.empty());
  rows_.push_back({node, parent, 0, 0, static_cast<uint32_t>(name.size()), names_.size(), false});
  names_.append(name);
  return static_cast<Number>(rows_.size() - 1);
}

uint32_t SourceTree::keep_xattrs(const std::vector<Xattr>& xattrs) {
  if (xattrs.empty()) return 0;
  const auto next = static_cast<uint32_t>(encoded_xattrs_.size() + 1);
  const auto [at, fresh] = xattr_numbers_.emplace(encode_xattrs(xattrs), next);
  if (fresh) encoded_xattrs_.push_back(&at->first);
  return at->second;
}

uint32_t SourceTree::keep_target(Bytes target) {
  targets_.push_back(std::move(target));
  return static_cast<uint32_t>(targets_.size() - 1);
}

void SourceTree::seal() {
  // A counting sort by parent, then each directory by name.
  for (auto& row : rows_) row.child_count = 0;
  for (size_t i = 1; i < rows_.size(); ++i) {
    Row& parent = rows_[rows_[i].parent];
    rows_[i].is_dropped = rows_[i].is_dropped || parent.is_dropped;  // a parent comes before its children
    if (!rows_[i].is_dropped) ++parent.child_count;
  }
  uint32_t next = 0;
  for (auto& row : rows_) {
    row.first_child = next;
    next += row.child_count;
  }
  children_.resize(next);
  std::vector<uint32_t> filled(rows_.size(), 0);
  for (size_t i = 1; i < rows_.size(); ++i) {
    if (rows_[i].is_dropped) continue;
    const Number parent = rows_[i].parent;
    children_[rows_[parent].first_child + filled[parent]++] = static_cast<Number>(i);
  }
  const auto by_name = [this](Number a, Number b) { return name(a) < name(b); };
  for (const auto& row : rows_) {
    const auto first = children_.begin() + row.first_child;
    if (!std::is_sorted(first, first + row.child_count, by_name)) std::sort(first, first + row.child_count, by_name);
  }

  std::unordered_map<uint32_t, uint32_t> names_in_group;
  for (const auto& row : rows_) {
    if (row.node.link_group != 0 && !row.is_dropped) ++names_in_group[row.node.link_group];
  }
  for (auto& row : rows_) {
    if (row.node.link_group != 0 && names_in_group[row.node.link_group] == 1) row.node.link_group = 0;
  }
}

Bytes SourceTree::path(Number number) const {
  std::vector<Number> way;
  for (; number != kRoot; number = parent(number)) way.push_back(number);
  Bytes path;
  for (auto at = way.rbegin(); at != way.rend(); ++at) {
    if (!path.empty()) path += '/';
    path += name(*at);
  }
  return path;
}

SourceTree::Number SourceTree::child(Number directory, ByteView name_sought) const {
  const auto all = children(directory);
  const auto at = std::lower_bound(all.begin(), all.end(), name_sought,
                                   [this](Number number, ByteView sought) { return name(number) < sought; });
  return at != all.end() && name(*at) == name_sought ? *at : kRoot;
}

std::vector<Xattr> SourceTree::xattrs(Number number) const {
  const uint32_t kept = rows_[number].node.xattrs;
  if (kept == 0) return {};
  auto decoded = decode_xattrs(*encoded_xattrs_[kept - 1]);
  assert(decoded);
  return std::move(*decoded);
}

Node SourceTree::as_node(Number number, const ContentTable& contents) const {
  const SourceNode& from = rows_[number].node;
  Node node;
  node.type = from.type;
  node.mode = from.mode;
  node.uid = from.uid;
  node.gid = from.gid;
  node.mtime = from.mtime;
  node.mtime_ns = from.mtime_ns;
  node.xattrs = xattrs(number);
  switch (from.type) {
    case NodeType::kFile:
      node.size_bytes = contents.size_bytes(from.content);
      node.digest = contents.digest(from.content);
      break;
    case NodeType::kSymlink:
      node.target = targets_[from.target];
      node.size_bytes = 0;
      break;
    case NodeType::kCharDevice:
    case NodeType::kBlockDevice:
      node.device_major = from.device_major;
      node.device_minor = from.device_minor;
      break;
    case NodeType::kDirectory:
    case NodeType::kFifo:
    case NodeType::kSocket: break;
  }
  return node;
}

}  // namespace granary
