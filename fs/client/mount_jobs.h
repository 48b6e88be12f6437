// MountJobs: what a live mount was asked to fetch or to pin: each job with a thread of its own, a few at the same time,
// and what became of the last ones. Safe from many threads. Borrows fetcher and cache.
#pragma once

#include <unistd.h>

#include <list>
#include <thread>

#include "fs/client/background_fill.h"
#include "fs/client/mount_control.h"
#include "fs/client/prefetch_job.h"

namespace granary {

class MountJobs {
 public:
  // `whole`: the snapshot; each job has a path of it.
  MountJobs(PrefetchJob::What whole, std::string cache_directory, Fetcher& fetcher, Cache& cache)
      : cache_directory_(std::move(cache_directory)), fetcher_(fetcher), cache_(cache), whole_(std::move(whole)) {}
  ~MountJobs();  // stops them all

  enum class Kind { kPrefetch, kPin };
  // The job's number. kBusy: too many are under way.
  Result<uint64_t> start(Kind kind, Bytes path);
  // Another snapshot is mounted: for jobs from now on.
  void follow(PrefetchJob::What whole);
  // kNotFound: no such job, or not any more.
  Result<PrefetchJob::Progress> progress(uint64_t number) const;
  Status stop(uint64_t number);

 private:
  struct Running {
    uint64_t number;
    std::shared_ptr<PrefetchJob> job;
    std::thread thread;
  };
  Result<std::shared_ptr<PrefetchJob>> find(uint64_t number) const;

  const std::string cache_directory_;
  Fetcher& fetcher_;
  Cache& cache_;
  mutable Mutex mutex_;
  PrefetchJob::What whole_ GUARDED_BY(mutex_);
  std::list<Running> jobs_ GUARDED_BY(mutex_);  // oldest first
  // A number of another worker's (which had another process id) means no job of ours.
  uint64_t next_ GUARDED_BY(mutex_) = (uint64_t{1} << 20) * static_cast<uint64_t>(::getpid()) + 1;
};

// "prefetch HEX", "pin HEX" (the path's bytes in hexadecimal) answer with the job's number; "job NUMBER" with its
// progress as JSON; "stop NUMBER" with "stopped".
void answer_jobs(MountControl& control, MountJobs& jobs);
// "fill RATE", "fill off", "fill" answer with how the fill is, as JSON.
void answer_fill(MountControl& control, BackgroundFill& fill);

}  // namespace granary
