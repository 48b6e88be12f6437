#include "fs/client/mount_jobs.h"

#include <algorithm>
#include <charconv>

#include "fs/base/log.h"
#include "fs/client/connection.h"

namespace granary {

namespace {
constexpr size_t kMostAtOnce = 4;
constexpr size_t kRemembered = 16;

bool is_over(const PrefetchJob& job) {
  const auto step = job.progress().step;
  return step == PrefetchJob::Step::kDone || step == PrefetchJob::Step::kFailed;
}

Result<uint64_t> number_from(const std::string& text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped_at, failure] = std::from_chars(text.data(), end, number);
  if (failure == std::errc() && stopped_at == end) return number;
  return Error{Code::kInvalid, "not a job's number: " + printable(text)};
}
}  // namespace

MountJobs::~MountJobs() {
  std::list<Running> jobs;
  {
    const MutexLock lock(mutex_);
    jobs.swap(jobs_);
  }
  for (const Running& running : jobs) running.job->stop();
  for (Running& running : jobs) running.thread.join();
}

Result<uint64_t> MountJobs::start(Kind kind, Bytes path) {
  if (cache_directory_ == kNoCache) return Error{Code::kInvalid, "this mount has no cache to keep anything in"};
  const MutexLock lock(mutex_);
  const auto under_way =
      std::count_if(jobs_.begin(), jobs_.end(), [](const Running& each) { return !is_over(*each.job); });
  if (static_cast<size_t>(under_way) >= kMostAtOnce)
    return Error{Code::kBusy, str(under_way, " jobs are under way on this mount: wait for one of them")};
  while (jobs_.size() >= kRemembered) {
    const auto oldest =
        std::find_if(jobs_.begin(), jobs_.end(), [](const Running& each) { return is_over(*each.job); });
    oldest->thread.join();
    jobs_.erase(oldest);
  }
  PrefetchJob::What what = whole_;
  what.path = std::move(path);
  if (kind == Kind::kPin) what.pin_in = cache_directory_;
  auto job = std::make_shared<PrefetchJob>(what, fetcher_, cache_);
  std::thread thread([job, path = what.path, kind] {
    const Status done = job->run();
    log::info(kind == Kind::kPin ? "pin" : "prefetch",
              {{"path", "/" + path}, {"outcome", done ? "done" : done.error().message}});
  });
  jobs_.push_back({next_, std::move(job), std::move(thread)});
  return next_++;
}

void MountJobs::follow(PrefetchJob::What whole) {
  const MutexLock lock(mutex_);
  whole_ = std::move(whole);
}

Result<std::shared_ptr<PrefetchJob>> MountJobs::find(uint64_t number) const {
  const MutexLock lock(mutex_);
  for (const Running& running : jobs_) {
    if (running.number == number) return running.job;
  }
  return Error{Code::kNotFound, str("no job ", number, " on this mount")};
}

Result<PrefetchJob::Progress> MountJobs::progress(uint64_t number) const { return TRY(find(number))->progress(); }

Status MountJobs::stop(uint64_t number) {
  TRY(find(number))->stop();
  return Done{};
}

void answer_jobs(MountControl& control, MountJobs& jobs) {
  const auto starter = [&jobs](MountJobs::Kind kind) {
    return [&jobs, kind](const std::string& hex) -> Result<std::string> {
      return std::to_string(TRY(jobs.start(kind, TRY_WITHIN("not a path in hexadecimal", from_hex(hex)))));
    };
  };
  control.add("prefetch", starter(MountJobs::Kind::kPrefetch));
  control.add("pin", starter(MountJobs::Kind::kPin));
  control.add("job", [&jobs](const std::string& number) -> Result<std::string> {
    return TRY(jobs.progress(TRY(number_from(number)))).json();
  });
  control.add("stop", [&jobs](const std::string& number) -> Result<std::string> {
    TRY(jobs.stop(TRY(number_from(number))));
    return std::string("stopped");
  });
}

void answer_fill(MountControl& control, BackgroundFill& fill) {
  control.add("fill", [&fill](const std::string& rate) -> Result<std::string> {
    if (rate == "off") {
      fill.stop();
    } else if (!rate.empty()) {
      fill.start(TRY(FillRate::parse(rate)));
    }
    return fill.json();
  });
}

}  // namespace granary
