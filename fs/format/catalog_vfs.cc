#include "fs/format/catalog_vfs.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace granary {

namespace {

struct Source {
  PageSource* pages = nullptr;
  std::optional<Error>* trouble = nullptr;
};

// SQLite opens the file inside sqlite3_open_v2, on the caller's thread.
thread_local Source opening;

struct File {
  sqlite3_file base;
  Source source;
};

Source& source_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->source; }

int fail(const Source& source, const Error& error, int status) {
  *source.trouble = error;
  return status;
}

int close_file(sqlite3_file*) { return SQLITE_OK; }

// SQLite reads whole pages, and at first a part of page 1.
int read_file(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  const Source& source = source_of(file);
  const auto begin = static_cast<uint64_t>(offset);
  const auto wanted = static_cast<size_t>(size);
  const uint64_t number = begin / kPageBytes + 1;
  const size_t inside = begin % kPageBytes;
  if (number > source.pages->page_count()) {
    std::memset(out, 0, wanted);
    return SQLITE_IOERR_SHORT_READ;
  }
  const Result<Page> page = source.pages->page(static_cast<uint32_t>(number));
  if (!page) return fail(source, page.error(), SQLITE_IOERR_READ);
  const ByteView bytes = page->bytes.substr(inside, wanted);
  std::memcpy(out, bytes.data(), bytes.size());
  if (bytes.size() == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + bytes.size(), 0, wanted - bytes.size());
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  const Source& source = source_of(file);
  if (size != int{kPageBytes} || offset % kPageBytes != 0)
    return fail(source, {Code::kInternal, "the database writes a part of a page"}, SQLITE_IOERR_WRITE);
  const auto number = static_cast<uint32_t>(offset / kPageBytes + 1);
  const Status written = source.pages->write(number, {static_cast<const char*>(bytes), static_cast<size_t>(size)});
  return written ? SQLITE_OK : fail(source, written.error(), SQLITE_IOERR_WRITE);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(source_of(file).pages->page_count() * kPageBytes);
  return SQLITE_OK;
}

int refuse_truncate(sqlite3_file*, sqlite3_int64) { return SQLITE_IOERR_TRUNCATE; }
int no_sync(sqlite3_file*, int) { return SQLITE_OK; }
int no_lock(sqlite3_file*, int) { return SQLITE_OK; }
int not_reserved(sqlite3_file*, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}
int no_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 4096; }

// "Immutable" makes SQLite skip locks, journals and the check for changes before each statement.
int characteristics(sqlite3_file* file) { return source_of(file).pages->writable() ? 0 : SQLITE_IOCAP_IMMUTABLE; }

const sqlite3_io_methods* io_methods() {
  static const sqlite3_io_methods methods = [] {
    sqlite3_io_methods m{};
    m.iVersion = 1;
    m.xClose = close_file;
    m.xRead = read_file;
    m.xWrite = write_file;
    m.xTruncate = refuse_truncate;
    m.xSync = no_sync;
    m.xFileSize = file_size;
    m.xLock = no_lock;
    m.xUnlock = no_lock;
    m.xCheckReservedLock = not_reserved;
    m.xFileControl = no_control;
    m.xSectorSize = sector_size;
    m.xDeviceCharacteristics = characteristics;
    return m;
  }();
  return &methods;
}

int open_file(sqlite3_vfs*, const char*, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0 || opening.pages == nullptr) return SQLITE_CANTOPEN;
  reinterpret_cast<File*>(file)->source = opening;
  opening = {};
  file->pMethods = io_methods();
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int refuse_delete(sqlite3_vfs*, const char*, int) { return SQLITE_IOERR_DELETE; }
int access_nothing(sqlite3_vfs*, const char*, int, int* found) {
  *found = 0;
  return SQLITE_OK;
}
int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}
void* no_library(sqlite3_vfs*, const char*) { return nullptr; }
void no_library_error(sqlite3_vfs*, int size, char* out) { sqlite3_snprintf(size, out, "no libraries here"); }
void (*no_symbol(sqlite3_vfs*, void*, const char*))(void) { return nullptr; }
void close_library(sqlite3_vfs*, void*) {}

int randomness(sqlite3_vfs* vfs, int size, char* out) {
  auto* system = static_cast<sqlite3_vfs*>(vfs->pAppData);
  return system->xRandomness(system, size, out);
}
int sleep_microseconds(sqlite3_vfs* vfs, int microseconds) {
  auto* system = static_cast<sqlite3_vfs*>(vfs->pAppData);
  return system->xSleep(system, microseconds);
}
int current_time(sqlite3_vfs* vfs, double* now) {
  auto* system = static_cast<sqlite3_vfs*>(vfs->pAppData);
  return system->xCurrentTime(system, now);
}
int last_error(sqlite3_vfs*, int, char*) { return 0; }

constexpr const char* kVfsName = "granary";

int register_vfs() {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);  // its global lock would be on every thread's way
  sqlite3_initialize();
  static sqlite3_vfs vfs{};
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(File);
  vfs.mxPathname = 64;
  vfs.zName = kVfsName;
  vfs.pAppData = sqlite3_vfs_find(nullptr);
  vfs.xOpen = open_file;
  vfs.xDelete = refuse_delete;
  vfs.xAccess = access_nothing;
  vfs.xFullPathname = full_path;
  vfs.xDlOpen = no_library;
  vfs.xDlError = no_library_error;
  vfs.xDlSym = no_symbol;
  vfs.xDlClose = close_library;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep_microseconds;
  vfs.xCurrentTime = current_time;
  vfs.xGetLastError = last_error;
  return sqlite3_vfs_register(&vfs, 0);
}

}  // namespace

Result<sqlite3*> open_connection(PageSource& pages, std::optional<Error>& trouble) {
  static const int registered = register_vfs();
  if (registered != SQLITE_OK) return Error{Code::kInternal, "cannot register the database's file system"};
  opening = {&pages, &trouble};
  const int access = pages.writable() ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  sqlite3* connection = nullptr;
  const int status =
      sqlite3_open_v2("catalog", &connection, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, kVfsName);
  opening = {};
  if (status == SQLITE_OK) return connection;
  sqlite3_close(connection);
  if (trouble) return *trouble;
  return Error{Code::kInternal, str("cannot open the database: ", sqlite3_errstr(status))};
}

}  // namespace granary
