// Database and SqlStatement: a catalog's SQLite database (docs/format.md, 6.1), opened over a PageSource with
// everything switched off that a catalog does not need. What it holds is foreign data, signed or not. A Database and
// its statements belong to one thread at a time.
#pragma once

#include <array>
#include <string>

#include "fs/format/catalog_vfs.h"

namespace granary {

class Database;

// A prepared statement. Finalized with its owner; must go before its database.
class SqlStatement {
 public:
  SqlStatement() = default;
  SqlStatement(SqlStatement&& other) noexcept
      : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}
  SqlStatement& operator=(SqlStatement&& other) noexcept {
    std::swap(database_, other.database_);
    std::swap(statement_, other.statement_);
    return *this;
  }
  ~SqlStatement() { sqlite3_finalize(statement_); }

  bool prepared() const { return statement_ != nullptr; }

  // Parameters count from 1 and stay bound. Blobs are borrowed until `reset`.
  SqlStatement& bind(int parameter, int64_t value);
  SqlStatement& bind(int parameter, uint64_t value) { return bind(parameter, static_cast<int64_t>(value)); }
  SqlStatement& bind(int parameter, uint32_t value) { return bind(parameter, int64_t{value}); }
  SqlStatement& bind(int parameter, ByteView blob);
  SqlStatement& bind_null(int parameter);

  // True: there is a row. The source's own error when a page could not be had, else kCorrupt.
  Result<bool> step();
  // For statements that answer nothing: runs it, ready to run again.
  Status run();
  void reset();

  // Columns count from 0, and are valid until the next step.
  bool is_null(int column) const { return type(column) == SQLITE_NULL; }
  bool is_integer(int column) const { return type(column) == SQLITE_INTEGER; }
  bool is_blob(int column) const { return type(column) == SQLITE_BLOB; }
  int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  ByteView blob(int column) const;
  ByteView text(int column) const { return blob(column); }

 private:
  friend class Database;
  SqlStatement(Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}
  int type(int column) const { return sqlite3_column_type(statement_, column); }

  Database* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

// Resets a statement when a scope ends, however it ends.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(SqlStatement& statement) : statement_(statement) {}
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;
  ~ResetAtEnd() { statement_.reset(); }

 private:
  SqlStatement& statement_;
};

// The schema, word for word.
inline constexpr const char* kCreateEntry =
    "CREATE TABLE entry(parent INTEGER NOT NULL,name BLOB NOT NULL,inode INTEGER NOT NULL,type INTEGER NOT NULL,"
    "mode INTEGER NOT NULL,uid INTEGER NOT NULL,gid INTEGER NOT NULL,mtime INTEGER NOT NULL,mtime_ns INTEGER NOT NULL,"
    "nlink INTEGER NOT NULL,size INTEGER NOT NULL,digest BLOB,data BLOB,xattrs BLOB,PRIMARY KEY(parent,name)) "
    "WITHOUT ROWID";
inline constexpr const char* kCreateEntryInode = "CREATE INDEX entry_inode ON entry(inode)";
inline constexpr const char* kCreateSlice =
    "CREATE TABLE slice(inode INTEGER NOT NULL,start INTEGER NOT NULL,length INTEGER NOT NULL,object BLOB,"
    "offset INTEGER NOT NULL,PRIMARY KEY(inode,start)) WITHOUT ROWID";
inline constexpr const char* kCreateLinkGroup =
    "CREATE TABLE link_group(directory INTEGER NOT NULL,inode INTEGER NOT NULL,PRIMARY KEY(directory,inode)) "
    "WITHOUT ROWID";
inline constexpr const char* kCreateProperty =
    "CREATE TABLE property(name TEXT NOT NULL,value INTEGER NOT NULL,PRIMARY KEY(name)) WITHOUT ROWID";

inline constexpr uint32_t kApplicationId = 1196576345;  // "GRNY"
inline constexpr uint32_t kUserVersion = 1;
// The longest value a row may hold: all of an entry's encoded xattrs together.
inline constexpr size_t kMaxRowValueBytes = size_t{8} << 20;

class Database {
 public:
  // Opens a stored catalog to read it, or to change it when `pages` are writable. Header and schema are as the format
  // says. `label` names it in messages ("catalog 3f2a91c0d4e5"). Borrows the pages.
  //   kCorrupt, kUnsupported  not a catalog, or not one of ours
  static Result<std::unique_ptr<Database>> open(PageSource& pages, std::string label);
  // Makes a new, empty database in `pages`, inside a transaction; the caller creates the schema.
  static Result<std::unique_ptr<Database>> create(PageSource& pages, std::string label);
  ~Database();

  Result<SqlStatement> prepare(const std::string& sql);
  Status execute(const std::string& sql);
  // The pages on which the five b-trees begin, ascending.
  Result<std::vector<uint32_t>> roots();
  // Rows changed by statements so far.
  int64_t changes() const { return sqlite3_total_changes64(connection_); }
  // Lifts the bound on what a single step may cost, for statements that read everything in one.
  void allow_long_steps() { long_steps_ = true; }

  // What it means that the last call on this database answered `status`.
  Error failure(int status);

 private:
  friend class SqlStatement;
  Database(std::string label) : label_(std::move(label)) {}
  static Result<std::unique_ptr<Database>> connect(PageSource& pages, std::string label, int64_t cache_kilobytes);
  Status check_header(PageSource& pages) const;
  Status check_schema();
  static int on_progress(void* self);

  const std::string label_;
  sqlite3* connection_ = nullptr;
  std::optional<Error> trouble_;  // what the page source said
  bool long_steps_ = false;
  int ticks_ = 0;
};

}  // namespace granary
