// SourceTree: a tree as a source has it, in memory: every entry with its metadata and its place, contents by number.
// Compact, some 100 bytes an entry, because a tree may have millions. Built by a TreeSource: `add` all, then `seal`.
// One thread while it is built; afterwards any number may read.
#pragma once

#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "server/content.h"

namespace granary {

struct SourceNode {
  NodeType type = NodeType::kFile;
  uint16_t mode = 0;  // & 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t mtime_ns = 0;
  int64_t mtime = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  ContentTable::Number content = ContentTable::kNone;  // files
  uint32_t xattrs = 0;                                 // see SourceTree::keep_xattrs
  uint32_t target = 0;                                 // symbolic links: see SourceTree::keep_target
  uint32_t link_group = 0;                             // names of one inode carry the same number; 0: the only name

  // What only the upper layer of an overlay has (see OverlaySource).
  bool is_whiteout = false;     // the name is gone
  bool is_opaque = false;       // directory: nothing of what was below it remains
  bool is_whole_group = false;  // stands for all names that its file had in the base

  bool is_file() const { return type == NodeType::kFile; }
  bool is_directory() const { return type == NodeType::kDirectory; }
};

class SourceTree {
 public:
  using Number = uint32_t;
  static constexpr Number kRoot = 0;  // the first that is added; its parent is itself and its name empty

  Number add(Number parent, ByteView name, const SourceNode& node);
  // Numbers to put into a SourceNode; equal values share one. `xattrs` are sorted by name.
  uint32_t keep_xattrs(const std::vector<Xattr>& xattrs);
  uint32_t keep_target(Bytes target);

  // Takes an entry and all below it out again, before `seal`.
  void drop(Number number) { rows_[number].is_dropped = true; }

  // Puts children in order. A link group with one name only ceases to be one.
  void seal();

  size_t size() const { return rows_.size(); }  // dropped ones included
  SourceNode& node(Number number) { return rows_[number].node; }
  const SourceNode& node(Number number) const { return rows_[number].node; }
  Number parent(Number number) const { return rows_[number].parent; }
  ByteView name(Number number) const { return {names_.data() + rows_[number].name_at, rows_[number].name_bytes}; }
  Bytes path(Number number) const;  // relative to the root, which is ""

  // After `seal`: the entries of a directory in unsigned byte order of name.
  std::span<const Number> children(Number directory) const {
    return {children_.data() + rows_[directory].first_child, rows_[directory].child_count};
  }
  // The child of that name; kRoot if there is none.
  Number child(Number directory, ByteView name) const;

  // The entry as the format knows it. A directory has no digest and no size.
  Node as_node(Number number, const ContentTable& contents) const;
  std::vector<Xattr> xattrs(Number number) const;

  // The whole tree is the upper layer of an overlay: what it does not name remains.
  bool is_overlay = false;

 private:
  struct Row {
    SourceNode node;
    Number parent;
    uint32_t first_child = 0;
    uint32_t child_count = 0;
    uint32_t name_bytes = 0;
    uint64_t name_at = 0;
    bool is_dropped = false;
  };
  std::vector<Row> rows_;
  std::vector<Number> children_;
  Bytes names_;
  std::deque<Bytes> targets_;
  std::vector<const Bytes*> encoded_xattrs_;  // number - 1 → a key of:
  std::unordered_map<Bytes, uint32_t> xattr_numbers_;
};

}  // namespace granary
