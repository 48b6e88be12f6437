#include "server/catalog_tables.h"

namespace granary {

std::string CatalogTables::text_of(Query query) {
  const std::string entries = str("SELECT ", kEntryColumns, " FROM entry ");
  const std::string values =
      str("INTO entry(", kEntryColumns, ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)");
  switch (query) {
    case kFind: return entries + "WHERE parent=?1 AND name=?2";
    case kNamesOf: return entries + "WHERE inode=?1 ORDER BY parent,name";
    case kChildren: return entries + "WHERE parent=?1 ORDER BY name";
    case kCountChildren: return "SELECT count(*) FROM entry WHERE parent=?1";
    case kHighestInode: return "SELECT max(inode) FROM entry";
    case kInsert: return "INSERT " + values;
    case kReplace: return "INSERT OR REPLACE " + values;
    case kUpdate:
      return "UPDATE entry SET "
             "type=?4,mode=?5,uid=?6,gid=?7,mtime=?8,mtime_ns=?9,nlink=?10,size=?11,digest=?12,data=?13,"
             "xattrs=?14 WHERE parent=?1 AND name=?2 AND inode=?3";
    case kRemove: return "DELETE FROM entry WHERE parent=?1 AND name=?2";
    case kRemoveChildren: return "DELETE FROM entry WHERE parent=?1";
    case kSlicesOf: return str("SELECT ", kSliceColumns, " FROM slice WHERE inode=?1 ORDER BY start");
    case kPutSlice: return str("INSERT INTO slice(", kSliceColumns, ",inode) VALUES(?1,?2,?3,?4,?5)");
    case kRemoveSlices: return "DELETE FROM slice WHERE inode=?1";
    case kGroupsOf: return "SELECT inode FROM link_group WHERE directory=?1 ORDER BY inode";
    case kAddGroup: return "INSERT OR IGNORE INTO link_group(directory,inode) VALUES(?1,?2)";
    case kRemoveGroup: return "DELETE FROM link_group WHERE directory=?1 AND inode=?2";
    case kRemoveGroupsOf: return "DELETE FROM link_group WHERE directory=?1";
    case kProperty: return "SELECT value FROM property WHERE name=CAST(?1 AS TEXT)";
    case kSetProperty: return "INSERT OR REPLACE INTO property(name,value) VALUES(CAST(?1 AS TEXT),?2)";
    case kQueries: break;
  }
  return {};
}

Result<SqlStatement*> CatalogTables::statement(Query query) {
  SqlStatement& statement = statements_[query];
  if (!statement.prepared()) statement = TRY(database_.prepare(text_of(query)));
  return &statement;
}

Status CatalogTables::create() {
  for (const char* table : {kCreateEntry, kCreateSlice, kCreateLinkGroup, kCreateProperty})
    TRY(database_.execute(table));
  return Done{};
}

Status CatalogTables::create_index() { return database_.execute(kCreateEntryInode); }

Result<std::optional<Entry>> CatalogTables::find(InodeNumber parent, ByteView name) {
  SqlStatement& rows = *TRY(statement(kFind));
  const ResetAtEnd reset(rows);
  rows.bind(1, parent).bind(2, name);
  if (!TRY(rows.step())) return std::optional<Entry>{};
  return std::optional<Entry>(TRY(read_entry(rows)));
}

Result<std::vector<Entry>> CatalogTables::names_of(InodeNumber inode) {
  SqlStatement& rows = *TRY(statement(kNamesOf));
  const ResetAtEnd reset(rows);
  rows.bind(1, inode);
  std::vector<Entry> names;
  while (TRY(rows.step())) names.push_back(TRY(read_entry(rows)));
  return names;
}

Status CatalogTables::each_child(InodeNumber directory, const std::function<void(Entry&&)>& visit) {
  SqlStatement& rows = *TRY(statement(kChildren));
  const ResetAtEnd reset(rows);
  rows.bind(1, directory);
  while (TRY(rows.step())) visit(TRY(read_entry(rows)));
  return Done{};
}

Result<uint32_t> CatalogTables::count_children(InodeNumber directory) {
  SqlStatement& rows = *TRY(statement(kCountChildren));
  const ResetAtEnd reset(rows);
  rows.bind(1, directory);
  TRY(rows.step());
  return static_cast<uint32_t>(rows.integer(0));
}

Result<InodeNumber> CatalogTables::highest_inode() {
  SqlStatement& rows = *TRY(statement(kHighestInode));
  const ResetAtEnd reset(rows);
  TRY(rows.step());
  return static_cast<InodeNumber>(rows.integer(0));
}

Status CatalogTables::write_entry(Query query, const Entry& entry) {
  SqlStatement& write = *TRY(statement(query));
  const EncodedEntry encoded = encode_entry(entry);
  bind_entry(write, entry, encoded);
  return write.run();
}

Status CatalogTables::insert(const Entry& entry) { return write_entry(kInsert, entry); }
Status CatalogTables::replace(const Entry& entry) { return write_entry(kReplace, entry); }
Status CatalogTables::update(const Entry& entry) { return write_entry(kUpdate, entry); }

Status CatalogTables::remove(InodeNumber parent, ByteView name) {
  SqlStatement& write = *TRY(statement(kRemove));
  return write.bind(1, parent).bind(2, name).run();
}

Status CatalogTables::remove_where(Query query, InodeNumber key) {
  SqlStatement& write = *TRY(statement(query));
  return write.bind(1, key).run();
}

Status CatalogTables::remove_children(InodeNumber directory) { return remove_where(kRemoveChildren, directory); }

Result<std::vector<Slice>> CatalogTables::slices_of(InodeNumber inode) {
  SqlStatement& rows = *TRY(statement(kSlicesOf));
  const ResetAtEnd reset(rows);
  rows.bind(1, inode);
  std::vector<Slice> slices;
  while (TRY(rows.step())) slices.push_back(TRY(read_slice(rows)).slice);
  return slices;
}

Status CatalogTables::put_slices(InodeNumber inode, const std::vector<Slice>& slices) {
  SqlStatement& write = *TRY(statement(kPutSlice));
  uint64_t start_bytes = 0;
  for (const Slice& slice : slices) {
    write.bind(1, start_bytes).bind(2, slice.length_bytes).bind(4, slice.offset_bytes).bind(5, inode);
    slice.is_hole() ? write.bind_null(3) : write.bind(3, slice.object.raw());
    TRY(write.run());
    start_bytes += slice.length_bytes;
  }
  return Done{};
}

Status CatalogTables::remove_slices(InodeNumber inode) { return remove_where(kRemoveSlices, inode); }

Result<std::vector<InodeNumber>> CatalogTables::groups_of(InodeNumber directory) {
  SqlStatement& rows = *TRY(statement(kGroupsOf));
  const ResetAtEnd reset(rows);
  rows.bind(1, directory);
  std::vector<InodeNumber> inodes;
  while (TRY(rows.step())) inodes.push_back(static_cast<InodeNumber>(rows.integer(0)));
  return inodes;
}

Status CatalogTables::add_group(InodeNumber directory, InodeNumber inode) {
  SqlStatement& write = *TRY(statement(kAddGroup));
  return write.bind(1, directory).bind(2, inode).run();
}

Status CatalogTables::remove_group(InodeNumber directory, InodeNumber inode) {
  SqlStatement& write = *TRY(statement(kRemoveGroup));
  return write.bind(1, directory).bind(2, inode).run();
}

Status CatalogTables::remove_groups_of(InodeNumber directory) { return remove_where(kRemoveGroupsOf, directory); }

Result<uint64_t> CatalogTables::property(ByteView name) {
  SqlStatement& rows = *TRY(statement(kProperty));
  const ResetAtEnd reset(rows);
  rows.bind(1, name);
  if (!TRY(rows.step())) return Error{Code::kCorrupt, str("the catalog lacks the property \"", name, "\"")};
  return static_cast<uint64_t>(rows.integer(0));
}

Status CatalogTables::set_property(ByteView name, uint64_t value) {
  SqlStatement& write = *TRY(statement(kSetProperty));
  return write.bind(1, name).bind(2, value).run();
}

}  // namespace granary
