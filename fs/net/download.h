// Download: one file, from the first source that has a good one. It knows what is worth another try, when a second
// source is asked beside a slow first one, and when to give up; whom to ask is SourceChoice's affair, what becomes of
// the bytes the Fetcher's.
//
// The sources are asked in turn. A damaged answer is asked for once more past all caches. When a source could not be
// reached, further rounds follow after growing pauses. A demand whose request takes unusually long (for that source) is
// sent to the next one as well; the first good answer wins and the other is cancelled. One that has come to a
// standstill goes to another source, or another connection, whatever the budget says. While the network is gone it
// waits for the outcome of a trial, a second at most. At its deadline it ends.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/format/object.h"
#include "fs/net/sources.h"
#include "fs/net/transport.h"
#include "fs/net/worker_pool.h"

namespace granary {

class Download : public std::enable_shared_from_this<Download> {
 public:
  struct Plan {
    GetRequest request;
    // Turns an answer into what was asked for; runs on the pool. kCorrupt, kUnsupported …: not a good one; kRollback,
    // kExpired: good once, others may have a newer one.
    std::function<Result<SharedBytes>(Bytes answer)> accept;
    // Only these, in this order, once; empty: all, as SourceChoice says.
    std::vector<size_t> only{};
  };
  struct Report {
    std::string source;       // who gave the good answer, or the one that the error tells of
    size_t number = 0;        // its place in Sources
    int tries = 0;            // requests sent
    bool arrived = false;     // the error tells of an answer, not of a failure to get one
    std::string first_cause;  // of a download that succeeded after all; else empty
  };
  // Called exactly once, on the pool (not at all when the pool has stopped).
  //   kNotFound     no source has it
  //   kUnavailable  a source could not be reached, so we cannot tell
  //   kCorrupt, kUnsupported, kEndlessData  nobody had a good one
  //   otherwise     what `accept` said
  using Done = std::function<void(Result<SharedBytes>, const Report&)>;

  // Borrows both; they outlive it.
  static std::shared_ptr<Download> start(Sources& sources, WorkerPool& pool, Plan plan, Done done);

  // From now on at least so urgent. What becomes more urgent by it gets this deadline, anything else the later one.
  void expedite(Priority priority, Deadline deadline);
  // Nobody wants it any more: `done` is not called unless it has been already.
  void cancel();

 private:
  // A request under way, or its answer being looked at.
  struct Attempt {
    size_t source = 0;
    bool is_hedge = false;
    bool past_caches = false;
    std::shared_ptr<TransferProgress> progress;
    std::unique_ptr<Transfer> transfer;
  };
  enum class Connection { kAny, kNew };

  Download(Sources& sources, WorkerPool& pool, Plan plan, Done done);
  void ask();
  void send(size_t source, bool is_hedge, bool past_caches, Connection connection = Connection::kAny) REQUIRES(mutex_);
  void answered(int serial, Result<Bytes> answer);
  void examine(int serial, Bytes answer, Deadline ended);
  void failed(int serial, const Error& error, bool arrived);
  void tell_health(const Attempt& attempt, const Error& error, bool arrived);
  void remember(size_t source, const Error& error, bool arrived) REQUIRES(mutex_);
  // What to do after an answer that was none. Nothing is left: false. `pause`: how long to wait before `ask`.
  bool move_on(std::chrono::milliseconds& pause) REQUIRES(mutex_);
  void begin_round() REQUIRES(mutex_);
  // While the network is gone: fails, or asks once a trial has told that it is back.
  void wait_out(const std::string& cause);
  void give_up(const std::string& cause) REQUIRES(mutex_);
  // Looks at how a request does, and again later; may send a second one.
  void watch(int serial);
  void help(int serial, SourceChoice::Verdict::Pace pace) REQUIRES(mutex_);
  void settle_hedges(int winner) REQUIRES(mutex_);
  // Hands work on an answer to the pool; should it become more urgent meanwhile, it does there, too.
  void post(std::function<void()> work);
  void post_posted() REQUIRES(mutex_);
  bool is_in_background();
  void finish(Result<SharedBytes> result, int serial);
  void watch_deadline();
  std::string name_of_source(size_t source) const;

  Sources& sources_;
  WorkerPool& pool_;
  const std::string path_;
  const size_t limit_bytes_;
  const bool always_past_caches_;
  const bool revalidate_;
  const std::function<Result<SharedBytes>(Bytes)> accept_;
  const std::vector<size_t> only_;

  Mutex mutex_;
  Done done_ GUARDED_BY(mutex_);  // empty once finished
  Deadline deadline_ GUARDED_BY(mutex_);
  Priority priority_ GUARDED_BY(mutex_);
  std::map<int, Attempt> attempts_ GUARDED_BY(mutex_);            // by serial number, two at most
  std::vector<std::function<void()>> posted_ GUARDED_BY(mutex_);  // what the pool has not begun yet
  int serial_ GUARDED_BY(mutex_) = 0;
  std::deque<size_t> left_ GUARDED_BY(mutex_);      // whom to ask in this round
  std::vector<size_t> lacking_ GUARDED_BY(mutex_);  // who does not have it, or has an old one
  int round_ GUARDED_BY(mutex_) = 0;                // the first is 1
  bool was_helped_ GUARDED_BY(mutex_) = false;      // a new connection to the only source is tried once
  std::optional<Deadline> outage_patience_ GUARDED_BY(mutex_);
  std::optional<Error> worst_ GUARDED_BY(mutex_);  // the error to tell, should nobody have a good answer
  Report report_ GUARDED_BY(mutex_);
};

}  // namespace granary
