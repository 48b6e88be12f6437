#include "fs/format/catalog_database.h"

#include <algorithm>

namespace granary {

namespace {
constexpr int kInstructionsPerTick = 100'000;
constexpr int kTicksPerStep = 200;  // an honest step takes some hundred instructions
constexpr int64_t kReaderCacheKilobytes = 4096;
constexpr int64_t kEditorCacheKilobytes = 192 * 1024;

struct Limit {
  int id;
  int value;
};
constexpr Limit kLimits[] = {
    {SQLITE_LIMIT_LENGTH, static_cast<int>(kMaxRowValueBytes) + (1 << 20)},
    {SQLITE_LIMIT_SQL_LENGTH, 4096},
    {SQLITE_LIMIT_COLUMN, 32},
    {SQLITE_LIMIT_EXPR_DEPTH, 32},
    {SQLITE_LIMIT_COMPOUND_SELECT, 2},
    {SQLITE_LIMIT_VDBE_OP, 20'000},
    {SQLITE_LIMIT_FUNCTION_ARG, 8},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 16},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 32},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 0},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

uint32_t big_endian(ByteView bytes, size_t offset, size_t width) {
  uint32_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
  return value;
}

struct HeaderField {
  size_t offset, width;
  uint32_t value;
  const char* name;
};
constexpr HeaderField kHeaderFields[] = {
    {16, 2, kPageBytes, "page size"},          {18, 1, 1, "write version"}, {19, 1, 1, "read version"},
    {20, 1, 0, "reserved bytes a page"},       {52, 4, 0, "auto-vacuum"},   {56, 4, 1, "text encoding"},
    {68, 4, kApplicationId, "application id"},
};
}  // namespace

// ---- SqlStatement

SqlStatement& SqlStatement::bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_, parameter, value);
  return *this;
}

SqlStatement& SqlStatement::bind(int parameter, ByteView blob) {
  const char* data = blob.data() == nullptr ? "" : blob.data();  // an empty blob is not NULL
  sqlite3_bind_blob64(statement_, parameter, data, blob.size(), SQLITE_STATIC);
  return *this;
}

SqlStatement& SqlStatement::bind_null(int parameter) {
  sqlite3_bind_null(statement_, parameter);
  return *this;
}

Result<bool> SqlStatement::step() {
  database_->ticks_ = 0;
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  return database_->failure(status);
}

Status SqlStatement::run() {
  const ResetAtEnd reset(*this);
  TRY(step());
  return Done{};
}

void SqlStatement::reset() { sqlite3_reset(statement_); }

ByteView SqlStatement::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? ByteView{} : ByteView{static_cast<const char*>(data), size};
}

// ---- Database

Database::~Database() { sqlite3_close(connection_); }

Error Database::failure(int status) {
  if (trouble_) {
    const Error told = trouble_->within(label_);
    trouble_.reset();
    return told;
  }
  switch (status & 0xff) {
    case SQLITE_NOMEM: return {Code::kInternal, label_ + ": out of memory"};
    case SQLITE_INTERRUPT: return {Code::kCorrupt, label_ + ": its pages lead nowhere: a statement never ended"};
    default: return {Code::kCorrupt, str(label_, ": ", sqlite3_errmsg(connection_), " (", status, ")")};
  }
}

int Database::on_progress(void* self) {
  auto& database = *static_cast<Database*>(self);
  return !database.long_steps_ && ++database.ticks_ > kTicksPerStep ? 1 : 0;
}

Result<SqlStatement> Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  ticks_ = 0;
  const int status = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (status != SQLITE_OK) return failure(status);
  return SqlStatement(*this, statement);
}

Status Database::execute(const std::string& sql) {
  ticks_ = 0;
  const int status = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return failure(status);
  return Done{};
}

Result<std::unique_ptr<Database>> Database::connect(PageSource& pages, std::string label, int64_t cache_kilobytes) {
  std::unique_ptr<Database> database(new Database(std::move(label)));
  database->connection_ = TRY_WITHIN(database->label_, open_connection(pages, database->trouble_));
  sqlite3* connection = database->connection_;
  for (const Limit& limit : kLimits) sqlite3_limit(connection, limit.id, limit.value);
  for (const int off : {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
                        SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL})
    sqlite3_db_config(connection, off, 0, nullptr);
  sqlite3_progress_handler(connection, kInstructionsPerTick, on_progress, database.get());
  TRY(database->execute("PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA cell_size_check=ON"));
  TRY(database->execute(str("PRAGMA cache_size=-", cache_kilobytes)));
  return database;
}

namespace {
// One transaction, of which nothing survives a failure: no journal is needed, and none is to be had.
constexpr const char* kEditingPragmas =
    "PRAGMA page_size=16384; PRAGMA auto_vacuum=NONE; PRAGMA encoding='UTF-8'; PRAGMA journal_mode=OFF; "
    "PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE";
}  // namespace

Result<std::unique_ptr<Database>> Database::open(PageSource& pages, std::string label) {
  const bool editing = pages.writable();
  auto database = TRY(connect(pages, std::move(label), editing ? kEditorCacheKilobytes : kReaderCacheKilobytes));
  TRY(database->check_header(pages));
  TRY(database->execute(editing ? kEditingPragmas : "PRAGMA query_only=ON"));
  sqlite3_db_config(database->connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  TRY(database->check_schema());
  if (editing) TRY(database->execute("BEGIN"));
  return database;
}

Result<std::unique_ptr<Database>> Database::create(PageSource& pages, std::string label) {
  auto database = TRY(connect(pages, std::move(label), kEditorCacheKilobytes));
  TRY(database->execute(kEditingPragmas));
  sqlite3_db_config(database->connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  TRY(database->execute(str("BEGIN; PRAGMA application_id=", kApplicationId, "; PRAGMA user_version=", kUserVersion)));
  return database;
}

Status Database::check_header(PageSource& pages) const {
  const Page first = TRY_WITHIN(label_, pages.page(1));
  const ByteView header = first.bytes;
  if (header.substr(0, 16) != ByteView("SQLite format 3\0", 16))
    return Error{Code::kCorrupt, label_ + ": not an SQLite database"};
  for (const HeaderField& field : kHeaderFields) {
    if (const uint32_t value = big_endian(header, field.offset, field.width); value != field.value)
      return Error{Code::kCorrupt, str(label_, ": the ", field.name, " is ", value, " instead of ", field.value)};
  }
  const uint32_t version = big_endian(header, 60, 4);
  if (version != kUserVersion)
    return Error{version > kUserVersion ? Code::kUnsupported : Code::kCorrupt,
                 str(label_, ": version ", version, " of the database needs another Granary")};
  if (big_endian(header, 28, 4) != pages.page_count())
    return Error{Code::kCorrupt, label_ + ": its header and its index disagree about the number of pages"};
  return Done{};
}

Status Database::check_schema() {
  const std::array<std::string, 5> expected{kCreateEntry, kCreateEntryInode, kCreateSlice, kCreateLinkGroup,
                                            kCreateProperty};
  std::array<int, 5> seen{};
  SqlStatement rows = TRY(prepare("SELECT CAST(sql AS BLOB) FROM sqlite_schema"));
  int count = 0;
  while (TRY(rows.step())) {
    const auto match = std::find(expected.begin(), expected.end(), rows.blob(0));
    if (++count > 5 || match == expected.end())
      return Error{Code::kCorrupt, str(label_, ": its schema is not a catalog's: ", printable(rows.blob(0)))};
    ++seen[static_cast<size_t>(match - expected.begin())];
  }
  if (seen != std::array<int, 5>{1, 1, 1, 1, 1})
    return Error{Code::kCorrupt, label_ + ": its schema lacks a table of a catalog"};
  return Done{};
}

Result<std::vector<uint32_t>> Database::roots() {
  SqlStatement rows = TRY(prepare("SELECT rootpage FROM sqlite_schema WHERE rootpage>0 ORDER BY rootpage"));
  std::vector<uint32_t> pages;
  while (TRY(rows.step())) pages.push_back(static_cast<uint32_t>(rows.integer(0)));
  return pages;
}

}  // namespace granary
