// Catalog: reads the directory database of one snapshot (docs/format.md, 6), which is an SQLite database whose page
// groups are objects. Opens it through a read-only SQLite VFS that faults groups in through an ObjectReader.
// The database is foreign data, signed or not: exact schema, no journal, defensive, bounded.
// Safe from many threads at once; each call may wait for objects. Borrows the reader, which outlives it.
#pragma once

#include <functional>
#include <memory>

#include "fs/format/node.h"

namespace granary {

// The digest of a catalog index object.
using CatalogId = Digest;

class Catalog {
 public:
  //   kCorrupt, kUnsupported  not a catalog, or not one of ours
  //   otherwise               what the reader said about an object
  static Result<std::unique_ptr<Catalog>> open(const CatalogId& id, ObjectReader& objects);
  virtual ~Catalog() = default;

  virtual const CatalogId& id() const = 0;

  // Every call below: kCorrupt when a row breaks the format; the reader's error when a group cannot be had.

  virtual Result<Entry> root() = 0;
  // kNotFound: the directory has no such name (or is none).
  virtual Result<Entry> lookup(InodeNumber directory, ByteView name) = 0;
  // One of the entry's names (the first by parent and name). kNotFound: no such inode.
  virtual Result<Entry> by_inode(InodeNumber inode) = 0;
  // All names of an inode, as entries, by parent and name.
  virtual Result<std::vector<Entry>> names_of(InodeNumber inode) = 0;
  // "usr/bin/python3", "" being the root; symbolic links are not followed.
  virtual Result<Entry> resolve(ByteView path) = 0;
  // The path of a directory, without leading slash.
  virtual Result<Bytes> path_of(InodeNumber directory) = 0;

  // The entries of a directory in unsigned byte order of name, from the first name after `after` on (all when it is
  // empty), until `visit` answers false. One range scan.
  using Visit = std::function<bool(Entry&&)>;
  virtual Status list(InodeNumber directory, ByteView after, const Visit& visit) = 0;
  // Every entry of the snapshot, in the order of the table: by parent inode, then name.
  virtual Status scan(const Visit& visit) = 0;

  // The slices that cover [offset, offset + length) of a regular file, each with its position in the file.
  struct PlacedSlice {
    uint64_t start_bytes;
    Slice slice;
  };
  virtual Result<std::vector<PlacedSlice>> slices(const Entry& file, uint64_t offset_bytes, uint64_t length_bytes) = 0;

  // The inodes of the hard-link groups that a directory records.
  virtual Result<std::vector<InodeNumber>> link_groups(InodeNumber directory) = 0;

  // Totals of the snapshot.
  virtual Result<uint64_t> entry_count() = 0;
  virtual Result<uint64_t> total_bytes() = 0;

  // The objects the catalog itself consists of: its index, index leaves and groups.
  virtual Result<std::vector<ObjectId>> own_objects() = 0;
};

// Verifies everything the format demands of the rows (6.1): one tree, no cycles, names, link counts, slice sums,
// digests of all directories, hard-link groups, totals; and that inlined pages equal the groups'. Calls `broken` for
// each fault found, and goes on. Returns the tree digest that it computed. An error means that it could not look on.
using Broken = std::function<void(const Bytes& path, const std::string& what)>;
Result<Digest> check_catalog(Catalog& catalog, ObjectReader& objects, const Broken& broken);

// How two trees differ, by digest: what is equal is not descended into.
struct Difference {
  enum class Kind { kAdded, kRemoved, kChanged } kind;
  Bytes path;  // relative to the root, no leading slash; "" is the root itself
  std::optional<Entry> before, after;
};
// kTrees: what the tree digest covers. kInodes: inode numbers and link counts too, as far as the walk comes.
enum class Compared { kTrees, kInodes };
// Visits differences in path order of a depth-first walk; an added or removed directory is followed by its contents.
// Directories are reported as changed only when their own metadata differ. `visit` answers false to stop.
Status diff_catalogs(Catalog& before, Catalog& after, const std::function<bool(Difference&&)>& visit,
                     Compared compared = Compared::kTrees);

// True when the two trees are equal outside the subtrees at `paths` ("usr/local"): metadata of the directories above
// them may differ in mtime alone, and a hard-link group that reaches outside must be the same.
Result<bool> changed_only_below(Catalog& before, Catalog& after, const std::vector<Bytes>& paths);

}  // namespace granary
