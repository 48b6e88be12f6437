// MountedSnapshot: one snapshot as a mount sees it: everything by inode number, nothing kept per open file, so that any
// process that opens the same catalog can answer the next request.
// Look-ups may wait for parts of the catalog, unless they are made WithoutWaiting. Reading a file never waits for its
// bytes: a miss is parked with the fetcher. Safe from many threads. Borrows the fetcher, which outlives it.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>

#include "fs/client/failure_log.h"
#include "fs/client/hot_rows.h"
#include "fs/client/read_ahead.h"
#include "fs/client/touch_recorder.h"
#include "fs/format/catalog.h"
#include "fs/net/fetcher.h"

namespace granary {

// Where a listing goes on; means the same to every process that mounts the snapshot. 0 is the beginning, else the entry
// listed last: its inode number, and from bit 48 on its rank among that inode's names in the directory. Entries'
// numbers start at kFirstFreeInode, so that 1 and 2 are free for "." and ".." (both mean the beginning).
using ListCookie = uint64_t;

struct Listed {
  Row row;
  ListCookie cookie = 0;  // lists on after this entry
};

struct OperationCounters {
  std::atomic<uint64_t> lookups{0};
  std::atomic<uint64_t> listings{0};
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> read_bytes{0};
  std::atomic<uint64_t> parked_reads{0};    // had to wait for an object
  std::atomic<uint64_t> parked_lookups{0};  // requests that had to wait for a part of the catalog
  std::atomic<uint64_t> failures{0};        // answered with an error that is not the caller's
};

// What a mount counts and records, whichever snapshot it serves.
struct Observations {
  OperationCounters counters;
  TouchRecorder touches;
};

class MountedSnapshot {
 public:
  // For the log: the repository's name, and where its bytes come from.
  struct Names {
    std::string repository;
    std::string source;
  };
  // A former snapshot answers for what is still open of it: it looks nowhere ahead, and keeps little in memory.
  enum class Role { kCurrent, kFormer };
  static Result<std::unique_ptr<MountedSnapshot>> open(
      const CatalogId& catalog, Fetcher& fetcher, Names names, Role role = Role::kCurrent,
      std::shared_ptr<Observations> observations = std::make_shared<Observations>());
  ~MountedSnapshot();

  // Every call below may also answer kUnavailable, kCorrupt: a part of the catalog cannot be had, or is broken. Logged.
  // Within WithoutWaiting kUnavailable may mean that it is not at hand yet: not logged.

  //   kNotFound  the directory has no such name, for certain
  Result<Row> lookup(InodeNumber directory, ByteView name);
  //   kNotFound  no such inode
  Result<Row> row(InodeNumber inode);
  Result<Row> parent_of(InodeNumber directory);
  // Of one of its names, relative to the root, without leading slash.
  Result<Bytes> path_of(const Row& row);
  // At most `at_most` entries in order of name; none at the end. WithoutWaiting: what is at hand, but at least one.
  //   kInvalid  the cookie is not of this directory
  Result<std::vector<Listed>> list(InodeNumber directory, ListCookie after, size_t at_most);
  // The same from the first name behind `after` on, which need not exist.
  Result<std::vector<Listed>> list_behind(InodeNumber directory, ByteView after, size_t at_most);
  // The name that a cookie of this directory stands for. kInvalid: it is not of this directory.
  Result<Bytes> name_of_cookie(InodeNumber directory, ListCookie cookie);

  // Bytes of a file that are stored: its size without the holes.
  Result<uint64_t> data_bytes(const Row& file);
  // Where data, or a hole, begins at or after `offset`; a hole follows the end of the file. Nothing: `offset` is
  // at or beyond the end, or no data comes any more.
  enum class Sought { kData, kHole };
  Result<std::optional<uint64_t>> seek(const Row& file, uint64_t offset_bytes, Sought sought);
  // The objects of a file in the order of its bytes, each once.
  Result<std::vector<ObjectId>> objects(const Row& file);

  // Where the bytes [offset, offset + size) of a file lie; fewer only at its end. kInvalid: not a regular file.
  struct ReadPlan {
    Row file;
    uint64_t offset_bytes;
    size_t size_bytes;
    std::vector<Catalog::PlacedSlice> slices;
  };
  Result<ReadPlan> plan_read(const Row& file, uint64_t offset_bytes, size_t size_bytes);
  // Hands `done` the bytes: before it returns when they are at hand, else later on a thread of the fetcher. The view is
  // valid during the call only. `done` may not wait. Failures are logged.
  using ReadDone = std::function<void(Result<ByteView>)>;
  void read(const ReadPlan& plan, ReadDone done);

  uint64_t entry_count() const { return entry_count_; }
  uint64_t total_bytes() const { return total_bytes_; }
  Catalog& catalog() { return *catalog_; }
  const OperationCounters& counters() const { return observations_->counters; }
  const std::shared_ptr<Observations>& observations() const { return observations_; }
  TouchRecorder& touches() { return observations_->touches; }
  const TouchRecorder& touches() const { return observations_->touches; }
  ReadAheadStats read_ahead() const { return read_ahead_ ? read_ahead_->stats() : ReadAheadStats(); }
  // Looks ahead no more; false when a source that hangs keeps it from going.
  bool stop_read_ahead(Deadline deadline) { return !read_ahead_ || read_ahead_->stop(deadline); }
  // While a profile is replayed, which knows better.
  void hold_read_ahead(bool held);
  // Of one of its names, for people, as far as it is known without waiting: "…/lib/libc.so", or nothing.
  std::string path_at_hand(InodeNumber inode);
  std::string last_failure() const { return failures_->last(); }

 private:
  class CatalogObjects;
  class PendingRead;

  MountedSnapshot(Fetcher& fetcher, Names names, Role role, std::shared_ptr<Observations> observations);

  Result<Row> row_unlogged(InodeNumber inode);
  Result<std::vector<Listed>> list_unlogged(InodeNumber directory, ByteView after, size_t at_most);
  Result<std::vector<Catalog::PlacedSlice>> slices(const Row& file, uint64_t offset_bytes, uint64_t length_bytes);
  Result<ListCookie> cookie_of(InodeNumber directory, const Entry& entry);
  using NameList = std::shared_ptr<const std::vector<Bytes>>;
  Result<NameList> names_within(InodeNumber directory, InodeNumber inode);
  std::string path_for_log(InodeNumber inode);
  // A request counts once, however many turns it takes.
  static void count(std::atomic<uint64_t>& counter);
  // Counts and logs an error unless it is an answer (kNotFound, kInvalid), and hands it on.
  Error told(Error error, const char* operation, InodeNumber inode);
  template <class T>
  Result<T> told(Result<T> result, const char* operation, InodeNumber inode) {
    if (result) return result;
    return told(result.error(), operation, inode);
  }

  Fetcher& fetcher_;
  const Names names_;
  std::unique_ptr<CatalogObjects> catalog_objects_;
  std::unique_ptr<Catalog> catalog_;
  uint64_t entry_count_ = 0;
  uint64_t total_bytes_ = 0;
  HotRows hot_rows_;
  const std::shared_ptr<Observations> observations_;
  // Cookies that end their directories (which an inode with one name has only one of), by directory, as far as there is
  // room: every listing asks once more behind its end.
  std::array<std::atomic<ListCookie>, 4096> ends_{};

  Mutex mutex_;
  // Names of one inode in one directory, where there are several; and stored bytes of files with many slices. Bounded.
  std::map<std::pair<InodeNumber, InodeNumber>, NameList> link_names_ GUARDED_BY(mutex_);
  std::map<InodeNumber, uint64_t> data_bytes_ GUARDED_BY(mutex_);

  std::shared_ptr<FailureLog>
      failures_;  // these two last: their threads ask the catalog; reads under way may tell later
  std::unique_ptr<ReadAhead> read_ahead_;  // nothing for a former snapshot
};

}  // namespace granary
