// CatalogTables: the rows of a catalog that is being changed. Knows the SQL; what the rows must add up to is
// CatalogEditor's affair. One thread. Borrows the database.
#pragma once

#include <functional>

#include "fs/format/catalog_row.h"

namespace granary {

class CatalogTables {
 public:
  explicit CatalogTables(Database& database) : database_(database) {}

  // In a new database: creates all but the index by inode, which is quicker made after the first rows.
  Status create();
  // Must have been called before anything that looks for an inode.
  Status create_index();

  // ---- entry
  Result<std::optional<Entry>> find(InodeNumber parent, ByteView name);
  Result<std::vector<Entry>> names_of(InodeNumber inode);
  Status each_child(InodeNumber directory, const std::function<void(Entry&&)>& visit);
  Result<uint32_t> count_children(InodeNumber directory);
  Result<InodeNumber> highest_inode();

  Status insert(const Entry& entry);   // no such name yet
  Status replace(const Entry& entry);  // the name may be there, with any inode
  Status update(const Entry& entry);   // the name is there, with this inode
  Status remove(InodeNumber parent, ByteView name);
  Status remove_children(InodeNumber directory);

  // ---- slice
  Result<std::vector<Slice>> slices_of(InodeNumber inode);
  Status put_slices(InodeNumber inode, const std::vector<Slice>& slices);  // there are none yet
  Status remove_slices(InodeNumber inode);

  // ---- link_group
  Result<std::vector<InodeNumber>> groups_of(InodeNumber directory);
  Status add_group(InodeNumber directory, InodeNumber inode);
  Status remove_group(InodeNumber directory, InodeNumber inode);
  Status remove_groups_of(InodeNumber directory);

  // ---- property
  Result<uint64_t> property(ByteView name);
  Status set_property(ByteView name, uint64_t value);

 private:
  enum Query : size_t {
    kFind,
    kNamesOf,
    kChildren,
    kCountChildren,
    kHighestInode,
    kInsert,
    kReplace,
    kUpdate,
    kRemove,
    kRemoveChildren,
    kSlicesOf,
    kPutSlice,
    kRemoveSlices,
    kGroupsOf,
    kAddGroup,
    kRemoveGroup,
    kRemoveGroupsOf,
    kProperty,
    kSetProperty,
    kQueries
  };
  static std::string text_of(Query query);
  Result<SqlStatement*> statement(Query query);
  Status write_entry(Query query, const Entry& entry);
  Status remove_where(Query query, InodeNumber key);

  Database& database_;
  std::array<SqlStatement, kQueries> statements_;
};

}  // namespace granary
