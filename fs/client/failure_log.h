// FailureLog: one line in the log for each read that failed: repository, path, object, source and cause.
// Finding the path may itself wait for the catalog, so that a thread of its own does it, never the one that met the
// failure. The same failure is told once in ten seconds. Safe from many threads.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "fs/base/mutex.h"
#include "fs/format/node.h"

namespace granary {

struct Failure {
  const char* operation = "";
  InodeNumber inode = 0;
  ObjectId object;  // none: not about one object
  Error error;
};

class FailureLog {
 public:
  using PathOf = std::function<std::string(InodeNumber)>;

  FailureLog(std::string repository, std::string source, PathOf path_of);
  ~FailureLog() { stop(); }

  // Writes what is queued, and nothing from then on: no path is asked for any more.
  void stop();

  void report(Failure failure);
  // The message of the newest failure; empty when there was none.
  std::string last() const;

 private:
  bool told_lately(const Failure& failure) REQUIRES(mutex_);
  void run();
  void write(const Failure& failure);

  static constexpr size_t kMaxQueued = 256;
  static constexpr size_t kMaxRemembered = 1024;
  static constexpr std::chrono::seconds kRepeatAfter{10};

  const std::string repository_;
  const std::string source_;
  const PathOf path_of_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Failure> queue_ GUARDED_BY(mutex_);
  std::map<std::pair<InodeNumber, ObjectId>, std::chrono::steady_clock::time_point> told_ GUARDED_BY(mutex_);
  uint64_t dropped_ GUARDED_BY(mutex_) = 0;
  std::string last_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace granary
