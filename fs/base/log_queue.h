// LogQueue: takes log lines from everybody and hands them to a LogOutput on a thread of its own. Nobody who logs waits:
// a queue that is full drops the line and counts it; the same event too often (kBurst at once, then kPerSecond) is
// counted too. Both are told in a line of their own once there is room. The last lines are kept in memory, so that they
// can be asked for even when the output hangs. Safe from many threads.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <thread>

#include "fs/base/log.h"
#include "fs/base/mutex.h"

namespace granary::log {

// LogOutput: where lines go. Called by one thread; it may wait as long as it likes.
class LogOutput {
 public:
  virtual ~LogOutput() = default;
  // False: the line is lost.
  virtual bool write(const Line& line) = 0;
};

struct LogStats {
  uint64_t written = 0;
  uint64_t dropped = 0;     // the queue was full: the output is slow, or hangs
  uint64_t lost = 0;        // the output refused: a full disk, a pipe that nobody reads
  uint64_t suppressed = 0;  // too many of one kind
  uint64_t queued = 0;      // now
};

class LogQueue : public Sink {
 public:
  static constexpr size_t kMaxQueued = 1024;
  static constexpr size_t kMaxRemembered = 200;
  static constexpr double kBurst = 200;
  static constexpr double kPerSecond = 20;

  explicit LogQueue(std::unique_ptr<LogOutput> output);
  // Gives what is queued a second. An output that hangs is left to its thread, which ends with the process.
  ~LogQueue() override;

  void take(Line line) override;
  bool flush(std::chrono::milliseconds timeout) override;
  LogStats stats() const;
  // The newest lines, oldest first, with their times; at most kMaxRemembered.
  std::string tail() const;

 private:
  struct Allowance {
    double lines = kBurst;
    std::chrono::steady_clock::time_point at;
    uint64_t suppressed = 0;
  };
  // What the thread needs: shared with it, because it may outlive the queue.
  struct Shared {
    bool may_pass(const Line& line) REQUIRES(mutex);
    std::shared_ptr<const Line> next();
    std::shared_ptr<const Line> complaint() REQUIRES(mutex);
    void run();

    std::unique_ptr<LogOutput> output;  // the thread's own
    mutable Mutex mutex;
    std::condition_variable changed;
    std::condition_variable idle;
    std::deque<std::shared_ptr<const Line>> queue GUARDED_BY(mutex);
    std::deque<std::shared_ptr<const Line>> remembered GUARDED_BY(mutex);
    std::map<std::string_view, Allowance> allowances GUARDED_BY(mutex);  // by event
    LogStats stats GUARDED_BY(mutex);
    uint64_t told_dropped GUARDED_BY(mutex) = 0;
    uint64_t told_lost GUARDED_BY(mutex) = 0;
    bool last_was_written GUARDED_BY(mutex) = true;
    bool any_suppressed GUARDED_BY(mutex) = false;
    bool writing GUARDED_BY(mutex) = false;
    bool stopping GUARDED_BY(mutex) = false;
  };

  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace granary::log
