// CatalogEditor: makes the catalog of the next snapshot out of the last one's. Opens the base catalog copy-on-write:
// pages fault in from the base's groups, changed pages stay in a temporary file, and only groups that changed become
// new objects, so that the cost is that of the change. One thread. Dropping it without `finish` leaves nothing behind.
#pragma once

#include <memory>
#include <string>

#include "fs/format/catalog.h"
#include "server/change_set.h"
#include "server/object_writer.h"

namespace granary {

class CatalogEditor {
 public:
  // `base`: the catalog to start from, or nothing for an empty tree (a root directory, mode 0755, all else 0).
  // `next_inode`: first number free in the repository. `scratch`: a directory for temporary files. Borrows the reader.
  static Result<std::unique_ptr<CatalogEditor>> open(const std::optional<CatalogId>& base, ObjectReader& objects,
                                                     InodeNumber next_inode, const std::string& scratch);
  virtual ~CatalogEditor() = default;

  // Applies all changes. kInvalid, naming the path, when one does not fit the tree (a parent that is missing or no
  // directory).
  virtual Status apply(const ChangeSet& changes) = 0;

  // Gives files new slices without touching anything else (re-packing): same content, same inode, same digest.
  virtual Status replace_slices(InodeNumber inode, const std::vector<Slice>& slices) = 0;

  struct Finished {
    CatalogId catalog;
    Digest tree;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    InodeNumber next_inode = 0;
    std::vector<ObjectId> new_objects;  // of the catalog itself: groups, leaves, index
  };
  // Recomputes digests, link groups, link counts and totals where something changed, and writes the catalog's objects.
  virtual Result<Finished> finish(ObjectWriter& writer) = 0;
};

}  // namespace granary
