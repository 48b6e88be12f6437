// Content: what a regular file holds, by digest and by where the bytes lie. ContentTable: the contents of a tree,
// each once, numbered; compact, because a tree may have millions. One thread.
#pragma once

#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "fs/format/node.h"

namespace granary {

struct Content {
  Digest digest;  // SHA-256 of the plain file
  uint64_t size_bytes = 0;
  std::vector<Slice> slices;
};

class ContentTable {
 public:
  using Number = uint32_t;
  static constexpr Number kNone = ~Number{0};

  // Adds a content, or finds the one with the same digest.
  Number add(const Content& content);
  Number find(const Digest& digest) const;  // kNone: not here
  size_t size() const { return rows_.size(); }

  const Digest& digest(Number number) const { return rows_[number].digest; }
  uint64_t size_bytes(Number number) const { return rows_[number].size_bytes; }
  std::span<const Slice> slices(Number number) const {
    return {slices_.data() + rows_[number].first_slice, rows_[number].slice_count};
  }
  // Says where in its object the first slice lies, once that is known.
  void place_at(Number number, uint64_t offset_bytes) {
    slices_[rows_[number].first_slice].offset_bytes = offset_bytes;
  }
  // Says in which object the first slice lies, once that is known.
  void place(Number number, const ObjectId& object) { slices_[rows_[number].first_slice].object = object; }

 private:
  struct Row {
    Digest digest;
    uint64_t size_bytes;
    size_t first_slice;
    uint32_t slice_count;
  };
  struct Hash {
    using is_transparent = void;
    const ContentTable* table;
    size_t operator()(Number number) const { return std::hash<Digest>()(table->digest(number)); }
    size_t operator()(const Digest& digest) const { return std::hash<Digest>()(digest); }
  };
  struct Equal {
    using is_transparent = void;
    const ContentTable* table;
    bool operator()(Number a, Number b) const { return a == b; }
    bool operator()(const Digest& a, Number b) const { return a == table->digest(b); }
    bool operator()(Number a, const Digest& b) const { return b == table->digest(a); }
  };

 public:
  ContentTable() = default;
  ContentTable(const ContentTable&) = delete;  // the index points back here
  ContentTable& operator=(const ContentTable&) = delete;

 private:
  std::vector<Row> rows_;
  std::vector<Slice> slices_;
  std::unordered_set<Number, Hash, Equal> by_digest_{16, Hash{this}, Equal{this}};
};

// Where contents of earlier publishes lie.
class KnownContents {
 public:
  virtual ~KnownContents() = default;
  // The slices of a content all of whose objects exist. Safe from many threads.
  virtual std::optional<std::vector<Slice>> find(const Digest& digest) = 0;
};

}  // namespace granary
