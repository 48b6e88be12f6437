// Fetcher: verified objects from the cache, else from the sources: one download however many ask,
// decoded and verified on all cores, kept in the cache. Nothing is ever handed out unverified.
//
// Threads: the transports' own for the network, a pool for decoding and for waiting between tries.
// No thread is parked while an object is on its way. Safe from many threads; start it after fork.
//
// Sources are asked in the order of their measured health (source_choice.h); what could not be had is tried
// again with growing pauses until the deadline. A damaged answer is fetched once more past all caches,
// then elsewhere. The same error is repeated for a moment (failure_memory) instead of storming the
// sources; after that the next read tries anew: a failed object heals when its source does.
#pragma once

#include <atomic>
#include <map>
#include <unordered_map>

#include "fs/base/log.h"
#include "fs/base/mutex.h"
#include "fs/net/download.h"
#include "fs/net/recent.h"
#include "fs/net/transport.h"
#include "fs/net/worker_pool.h"
#include "fs/store/cache.h"

namespace granary {

struct FetcherOptions {
  std::string repository;                         // its name, for the log
  log::Level failure_level = log::Level::kError;  // lower where whoever asked tells it, and knows the path
  std::chrono::milliseconds deadline{30'000};
  int rounds = 4;                                 // at most so often over all sources
  std::chrono::milliseconds first_pause{100};     // doubled after every round
  std::chrono::milliseconds failure_memory{250};  // doubled with each failure in a row
  std::chrono::milliseconds longest_failure_memory{4'000};
  size_t workers = 0;                      // 0: as many as cores
  size_t recent_bytes = size_t{32} << 20;  // in memory: what the cache could not take
};

struct FetcherStats {
  uint64_t requests = 0;          // GETs sent to sources
  uint64_t received_bytes = 0;    // in whole answers, as they came
  uint64_t background_bytes = 0;  // of these, in the background
  uint64_t hits = 0;              // objects answered by the cache (or from memory)
  uint64_t misses = 0;            // downloads begun
  uint64_t joined = 0;            // objects that waited for a download already under way
  uint64_t retries = 0;           // requests after the first of a download
  uint64_t corrupt = 0;           // damaged answers
  uint64_t failures = 0;          // downloads that ended in an error
  uint64_t in_flight = 0;         // now
};

// DemandWatcher: is told of every object that is demanded, whether it is at hand or not, by the thread that asks.
// Brief.
class DemandWatcher {
 public:
  virtual ~DemandWatcher() = default;
  virtual void demanded(const ObjectId& id) = 0;
};

class Fetcher : public ObjectReader {
 public:
  using Callback = std::function<void(Result<ObjectHandle>)>;
  using DocumentCallback = std::function<void(Result<Bytes>)>;

  // Takes the sources (at least one); borrows the cache, which outlives the fetcher.
  Fetcher(std::vector<std::unique_ptr<Transport>> sources, Cache& cache, FetcherOptions options);
  // Answers who still waits with kUnavailable. Nobody may be inside a call.
  ~Fetcher() override;

  // Calls `done` exactly once, with one of the errors of ObjectReader or the object: before it returns, on this thread,
  // when the object is cached or just failed; else on a thread of the fetcher. `done` should be brief: it may call
  // `fetch`, it may not wait. An empty `done` is fine (prefetch). A more urgent call makes a
  // flight under way as urgent.
  void fetch(const ObjectId& id, Priority priority, Callback done);

  // The same, waiting, with the thread's priority (ScopedPriority). Not from a callback.
  Result<ObjectHandle> open(const ObjectId& id);
  Result<SharedBytes> read(const ObjectId& id) override;
  void expect(const ObjectId& id) override { fetch(id, Priority::kPrefetch, {}); }

  // Forgets an object whose handle turned out unreadable (a failing cache disk): the next fetch gets it anew.
  void discard(const ObjectId& id);

  // head.json, log/… and root/… (docs/format.md, 2): as the source sent them, kept nowhere; whoever reads them checks
  // signatures. `kFresh` asks past caches: for head.json, which changes.
  //   kNotFound, kUnavailable, kEndlessData  as Transport
  enum class Freshness { kAnyCopy, kFresh };
  void fetch_document(const std::string& path, size_t limit_bytes, Freshness freshness, DocumentCallback done);
  Result<Bytes> read_document(const std::string& path, size_t limit_bytes, Freshness freshness);

  // The newest head.json that the quick ones of several mirrors offer: two of them are asked at the same time, others
  // only when these have none that `check` likes. `check` gives its revision; it runs on threads of the fetcher, beside
  // itself. At most `patience` of the usual deadline.
  //   kNotFound     no mirror has one
  //   kUnavailable  no mirror could be asked; the message begins "cannot reach the repository"
  //   otherwise     what `check` said
  using HeadCheck = std::function<Result<uint64_t>(ByteView head)>;
  Result<Bytes> read_head(size_t limit_bytes, const HeadCheck& check,
                          std::chrono::milliseconds patience = std::chrono::milliseconds::max());

  FetcherStats stats() const;
  // The network is gone: what the last attempt met.
  std::optional<std::string> outage() const { return sources_.choice.outage(std::chrono::steady_clock::now()); }
  // One for each mirror and proxy on the way to it, in the order given.
  std::vector<SourceStatus> sources() const;

  // At most one; nullptr: none. Who takes it away waits until nobody is inside `fetch` before it goes.
  void watch_demand(DemandWatcher* watcher) { watcher_.store(watcher, std::memory_order_release); }

 private:
  // An object on its way, and who waits for it. Stays until the cache has it, so that nobody starts over.
  struct Flight {
    std::vector<Callback> waiters;
    std::shared_ptr<Download> download;
    SharedBytes landed;
  };
  using DocumentDone = std::function<void(Result<Bytes>, const Download::Report&)>;
  struct Counters {
    std::atomic<uint64_t> hits{0}, misses{0}, joined{0}, failures{0};
  };

  // What can be answered at once; starts or joins a flight otherwise, and takes `done`.
  std::optional<Result<ObjectHandle>> answer_or_wait(const ObjectId& id, Priority priority, Callback& done);
  std::optional<Result<ObjectHandle>> join(Flight& flight, Priority priority, Callback& done) REQUIRES(mutex_);
  void take_off(const ObjectId& id, Priority priority, Callback done) REQUIRES(mutex_);
  void land(const ObjectId& id, const SharedBytes& bytes, const Download::Report& report);
  void crash(const ObjectId& id, const Error& error, const Download::Report& report);
  std::vector<Callback> waiters_of(const ObjectId& id, const SharedBytes& landed);
  Deadline deadline_from_now(Priority priority) const;
  std::vector<size_t> another_mirror();
  void start_document(Download::Plan plan, DocumentDone done);

  Cache& cache_;
  const FetcherOptions options_;
  Sources sources_;
  Counters counters_;
  std::atomic<DemandWatcher*> watcher_{nullptr};
  std::atomic<uint64_t> next_other_{0};
  std::atomic<uint64_t> landings_{0};  // flights ever ended: a cache miss from before the last one is stale

  mutable Mutex mutex_;
  std::unordered_map<ObjectId, Flight> flights_ GUARDED_BY(mutex_);
  RecentObjects recent_ GUARDED_BY(mutex_);
  RecentFailures recent_failures_ GUARDED_BY(mutex_);
  std::map<uint64_t, std::pair<DocumentDone, std::shared_ptr<Download>>> documents_ GUARDED_BY(mutex_);
  uint64_t next_document_ GUARDED_BY(mutex_) = 0;

  WorkerPool pool_;  // last: its jobs use the others
};

}  // namespace granary
