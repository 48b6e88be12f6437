// How an Entry stands in a row of the catalog's table `entry` (docs/format.md, 6.1), and a Slice in one of `slice`.
#pragma once

#include "fs/format/catalog_database.h"
#include "fs/format/node.h"

namespace granary {

// The columns in the order that `read_entry` and `bind_entry` know them.
inline constexpr const char* kEntryColumns =
    "parent,name,inode,type,mode,uid,gid,mtime,mtime_ns,nlink,size,digest,data,xattrs";
inline constexpr int kEntryColumnCount = 14;

// A file with more slices than this keeps them in the table `slice`.
inline constexpr size_t kMaxInlineSlices = 8;

// The entry in the statement's current row. kCorrupt, naming the row, when it breaks the format in itself.
Result<Entry> read_entry(const SqlStatement& row);

// The values of a row that are not plain numbers, encoded; must outlive the statement's run.
struct EncodedEntry {
  Bytes data;
  bool has_data = false;
  Bytes xattrs;
};
EncodedEntry encode_entry(const Entry& entry);
// Binds parameters 1 to 14.
void bind_entry(SqlStatement& statement, const Entry& entry, const EncodedEntry& encoded);

inline constexpr const char* kSliceColumns = "start,length,object,offset";
struct SliceRow {
  uint64_t start_bytes;
  Slice slice;
};
// The slice in the current row, of kSliceColumns. kCorrupt when it breaks the format in itself.
Result<SliceRow> read_slice(const SqlStatement& row);

}  // namespace granary
