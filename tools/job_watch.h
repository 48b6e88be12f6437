// JobWatch: follows a PrefetchJob, wherever it runs: a bar on a terminal, a line now and then elsewhere; an
// interruption stops the job. Interrupted: whether Ctrl-C was pressed while one of these lives.
#pragma once

#include <functional>
#include <string>

#include "tools/command.h"

namespace granary {

class Interrupted {
 public:
  Interrupted();   // from here on SIGINT and SIGTERM are noticed instead of ending the program
  ~Interrupted();  // and from here on no more
  Interrupted(const Interrupted&) = delete;
  Interrupted& operator=(const Interrupted&) = delete;
  static bool now();
};

// How a job is asked; `progress` answers with PrefetchJob::Progress::json().
struct WatchedJob {
  std::string what;  // "/usr", for people
  std::function<Result<std::string>()> progress;
  std::function<void()> stop;
};

// Returns when the job is over, with its last progress. Errors are those of asking, not the job's.
Result<OrderedJson> watch_job(const WatchedJob& job, Io& io);

// What the job failed with, if it did; names what could not be had on standard error.
Status outcome_of(const OrderedJson& progress, Io& io);

// "1,204 objects, 88.1 MB".
std::string sizes_of(const OrderedJson& progress);

}  // namespace granary
