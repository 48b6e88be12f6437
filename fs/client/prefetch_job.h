// PrefetchJob: brings all of a path of a snapshot, or all of the snapshot, into the cache now, with the parts of the
// catalog that reading it takes; and pins it, when that is wished. One thread runs it; any may stop it or look at it.
// Borrows fetcher and cache.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fs/client/fetch_job.h"
#include "fs/format/noting_reader.h"
#include "fs/store/cache.h"
#include "fs/store/pins.h"

namespace granary {

class PrefetchJob {
 public:
  struct What {
    CatalogId catalog;
    Bytes path;              // relative to the root, which is ""
    Digest snapshot;         // its object comes along, so that a later mount finds it; none: it does not
    std::string repository;  // its UUID
    std::string pin_in;      // the cache directory that keeps the pin; empty: no pin
  };
  enum class Step { kListing, kFetching, kPinning, kDone, kFailed };
  struct Progress {
    Step step = Step::kListing;
    uint64_t objects_total = 0;
    uint64_t objects_done = 0;
    uint64_t objects_failed = 0;
    uint64_t bytes_total = 0;  // plain; grows while objects turn out larger than was known
    uint64_t bytes_done = 0;
    std::vector<std::string> missing;  // of what could not be had, the first: path and cause
    std::optional<Error> error;        // how it failed
    // {"step": "fetching", "objects": {"total": …, "done": …, "failed": …}, "bytes": {…}, "missing": […], "error": …}
    std::string json() const;
  };

  PrefetchJob(What what, Fetcher& fetcher, Cache& cache);

  // Returns when it is over; `progress` says the same.
  //   kNotFound     there is no such path
  //   kNoSpace      it cannot fit: nothing was fetched, or nothing pinned
  //   kUnavailable  stopped, or not all could be had: `missing` names what
  Status run();
  void stop() { fetching_.stop(); }
  Progress progress() const;

  static const char* name_of(Step step);

 private:
  Status work();
  Result<std::vector<WalkedObject>> list();
  Result<std::vector<WalkedObject>> list_whole(Catalog& catalog);
  Status check_room(const std::vector<WalkedObject>& objects) const;
  Status fetch(std::vector<WalkedObject>& objects);
  Status fetch_what_is_missing(std::vector<WalkedObject>& objects);
  Status pin(std::vector<WalkedObject>& objects);
  Status check_pinnable(const std::vector<WalkedObject>& objects) const;
  Error describe(const std::vector<FetchJob::Missing>& missing);
  std::string path_of(const WalkedObject& object);
  void show(Step step);

  const What what_;
  Cache& cache_;
  FetchJob fetching_;
  std::unique_ptr<NotingReader> noting_;
  std::unique_ptr<Catalog> catalog_;

  mutable Mutex mutex_;
  Progress progress_ GUARDED_BY(mutex_);
  uint64_t listed_objects_ GUARDED_BY(mutex_) = 0;  // fetched while the list was made
  uint64_t listed_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace granary
