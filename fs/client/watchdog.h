// Watchdog: looks at what waits, and tells the log once of each thing that has waited too long: which operation, of
// what, for what, since when, on which thread; and once more when it is over. A thread of its own, which takes no lock
// that is held while something is read, written or fetched. Safe from many threads.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "fs/base/activity.h"
#include "fs/base/mutex.h"
#include "fs/format/node.h"

namespace granary {

// Something that waits, or a thread that does.
struct Waiting {
  using Time = std::chrono::steady_clock::time_point;

  std::string operation;  // "read", "cache write"
  InodeNumber inode = 0;  // 0: not about one
  std::string waits_for;  // "an object", "cache read"
  Digest object;          // none: not known, or not for one
  pid_t thread = 0;       // that took it; 0: not known
  Time since;
};

struct Stall {
  Waiting waiting;
  std::string path;  // as far as it is known without looking anything up; may be empty
};

struct StallReport {
  std::vector<Stall> now;  // longest first; at most Watchdog::kMostListed
  uint64_t now_count = 0;
  uint64_t total = 0;
  double longest_seconds = 0;
};

class Watchdog {
 public:
  static constexpr size_t kMostListed = 100;
  static constexpr size_t kMostTold = 10;  // lines each time it looks

  struct Options {
    std::string repository;  // for the log
    std::string source;      // the same
    std::chrono::milliseconds threshold{10'000};
  };
  // What has waited since before a time. May not wait.
  using Look = std::function<std::vector<Waiting>(Waiting::Time before)>;
  // What is known of an inode's path at once. May not wait.
  using PathOf = std::function<std::string(InodeNumber)>;

  Watchdog(Options options, Look look, PathOf path_of);
  ~Watchdog();

  StallReport report() const;

 private:
  using Key = std::tuple<Waiting::Time, pid_t, InodeNumber, std::string>;
  static Key key_of(const Waiting& waiting);
  void run();
  void look(Waiting::Time now);
  void tell(const Stall& stall, Waiting::Time now) const;
  void tell_over(const Stall& stall, Waiting::Time now) const;

  const Options options_;
  const Look look_;
  const PathOf path_of_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::map<Key, Stall> stalls_ GUARDED_BY(mutex_);
  uint64_t total_ GUARDED_BY(mutex_) = 0;
  std::chrono::duration<double> longest_ GUARDED_BY(mutex_){0};
  std::thread thread_;
};

// Threads of this process that are in the middle of something since before `time`.
std::vector<Waiting> waiting_threads(Waiting::Time before);

}  // namespace granary
