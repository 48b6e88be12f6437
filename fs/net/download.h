// Download: one file, from the first source that has a good one. It knows the order of sources, what is worth
// another try and when to give up; what becomes of the bytes is the Fetcher's affair.
//
// Every source is asked in turn, beginning with the one that answered last. A damaged answer is asked for once more
// past all caches. When a source could not be reached, further rounds follow after growing pauses. At its deadline it
// ends.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/format/object.h"
#include "fs/net/transport.h"
#include "fs/net/worker_pool.h"

namespace granary {

// What all downloads of a fetcher share.
struct Sources {
  std::vector<std::unique_ptr<Transport>> transports;
  std::atomic<size_t> preferred{0};  // who answered last; a choice by measured health goes here
  int rounds = 1;
  std::chrono::milliseconds first_pause{0};
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> received_bytes{0};
  std::atomic<uint64_t> background_bytes{0};  // of these, what nobody had asked for more urgently by then
  std::atomic<uint64_t> retries{0};
  std::atomic<uint64_t> corrupt{0};
};

class Download : public std::enable_shared_from_this<Download> {
 public:
  struct Plan {
    GetRequest request;
    // Turns an answer into what was asked for; runs on the pool. kCorrupt, kUnsupported: not a good one.
    std::function<Result<SharedBytes>(Bytes answer)> accept;
  };
  struct Report {
    std::string source;       // who gave the good answer, or the one that the error tells of
    int tries = 0;            // requests sent
    std::string first_cause;  // of a download that succeeded after all; else empty
  };
  // Called exactly once, on the pool (not at all when the pool has stopped).
  //   kNotFound     no source has it
  //   kUnavailable  a source could not be reached, so we cannot tell
  //   kCorrupt, kUnsupported, kEndlessData  nobody had a good one
  using Done = std::function<void(Result<SharedBytes>, const Report&)>;

  // Borrows both; they outlive it.
  static std::shared_ptr<Download> start(Sources& sources, WorkerPool& pool, Plan plan, Done done);

  // From now on at least so urgent. What becomes more urgent by it gets this deadline, anything else the later one.
  void expedite(Priority priority, Deadline deadline);
  // Nobody wants it any more: `done` is not called unless it has been already.
  void cancel();

 private:
  Download(Sources& sources, WorkerPool& pool, Plan plan, Done done);
  void ask();
  void answered(int serial, Result<Bytes> answer);
  void failed(int serial, const Error& error);
  bool can_ask_past_caches(const Error& error) const REQUIRES(mutex_);
  void remember(const Error& error) REQUIRES(mutex_);
  // Moves on to the next request; false when there is none. `pause`: how long to wait before it.
  bool move_on(const Error& error, std::chrono::milliseconds& pause) REQUIRES(mutex_);
  // Hands work on an answer to the pool; should it become more urgent meanwhile, it does there, too.
  void post(std::function<void()> work);
  void post_posted() REQUIRES(mutex_);
  bool is_in_background();
  void finish(Result<SharedBytes> result);
  void watch_deadline();
  Transport& source() REQUIRES(mutex_);

  Sources& sources_;
  WorkerPool& pool_;
  const std::string path_;
  const size_t limit_bytes_;
  const bool always_past_caches_;
  const std::function<Result<SharedBytes>(Bytes)> accept_;
  const size_t first_source_;

  Mutex mutex_;
  Done done_ GUARDED_BY(mutex_);  // empty once finished
  Deadline deadline_ GUARDED_BY(mutex_);
  Priority priority_ GUARDED_BY(mutex_);
  std::unique_ptr<Transfer> transfer_ GUARDED_BY(mutex_);
  std::function<void()> posted_ GUARDED_BY(mutex_);  // what the pool has not begun yet
  int serial_ GUARDED_BY(mutex_) = 0;                // of the request under way; answers to earlier ones are ignored
  size_t turn_ GUARDED_BY(mutex_) = 0;               // sources asked in this round
  int round_ GUARDED_BY(mutex_) = 0;
  bool past_caches_ GUARDED_BY(mutex_) = false;
  std::optional<Error> worst_ GUARDED_BY(mutex_);  // the error to tell, should nobody have a good answer
  Report report_ GUARDED_BY(mutex_);
};

}  // namespace granary
