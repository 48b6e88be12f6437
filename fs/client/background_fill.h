// BackgroundFill: brings a mounted snapshot into the cache while nobody is waiting: the catalog first, then the data in
// pack order, at no more than a given rate of received bytes, and only while no demand or prefetch is on its way
// (Priority::kBackground). Never makes the cache evict: above 80 % of its quota it stops, and says so. What could not
// be had is tried again after growing pauses. A thread of its own, from `start` on. Safe from many threads. Borrows
// fetcher and cache.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "fs/client/fetch_job.h"
#include "fs/store/cache.h"

namespace granary {

// Bytes a second; 0: as many as come.
struct FillRate {
  uint64_t bytes_per_second = 0;

  // "5M", "500K", "1048576", "unlimited". kInvalid for anything else.
  static Result<FillRate> parse(std::string_view text);
  std::string text() const;
  bool operator==(const FillRate&) const = default;
};

class BackgroundFill {
 public:
  struct Options {
    std::string repository;                       // its name, for the log
    std::chrono::milliseconds first_pause{5000};  // before trying again; doubled up to ten minutes
  };
  enum class State {
    kOff,
    kListing,  // finding out what there is to fetch
    kFilling,
    kWaiting,  // to try again what could not be had
    kComplete,
    kFull,  // the cache is: it was stopped by that
  };
  struct Progress {
    State state = State::kOff;
    FillRate rate;
    uint64_t objects_total = 0;   // known so far
    uint64_t objects_done = 0;    // in the cache
    uint64_t objects_failed = 0;  // and not had yet
    uint64_t received_bytes = 0;  // by this fill, as they came
    std::string trouble;          // the newest failure
  };

  BackgroundFill(const CatalogId& catalog, Fetcher& fetcher, Cache& cache, Options options);
  ~BackgroundFill() { stop(); }

  // Begins, or changes the rate of what is under way.
  void start(FillRate rate);
  // Returns when nothing more is asked for; what has been asked for may still arrive.
  void stop();
  // Another snapshot is mounted: goes on with that one, from the beginning.
  void follow(const CatalogId& catalog);
  Progress progress() const;
  // For `granary stat`: a JSON object.
  std::string json() const;

 private:
  void run();
  Status fill();
  bool fill_objects(std::vector<WalkedObject> objects);
  Status check_kept(const std::vector<WalkedObject>& objects);
  void end(const FetchJob& job);
  bool may_ask();
  bool is_crowded() const;
  bool is_refused();
  void set(State state);

  CatalogId catalog_;  // changed only while there is no thread
  Fetcher& fetcher_;
  Cache& cache_;
  const Options options_;
  std::atomic<uint64_t> rate_{0};

  Mutex control_mutex_;  // start and stop, one after the other
  std::thread thread_ GUARDED_BY(control_mutex_);

  mutable Mutex mutex_;
  Progress progress_ GUARDED_BY(mutex_);
  std::shared_ptr<FetchJob> job_ GUARDED_BY(mutex_);

  // The thread's own.
  FetchJob* running_ = nullptr;
  double tokens_ = 0;  // bytes that may be asked for; below zero after a large object
  std::chrono::steady_clock::time_point tokens_at_;
  uint64_t received_at_ = 0;
  uint64_t refusals_before_ = 0;
  uint64_t largest_bytes_ = 0;  // that an object takes on the disk
};

}  // namespace granary
