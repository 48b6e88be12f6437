#include "fs/net/download.h"

#include <algorithm>

namespace granary {

namespace {
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLongestPause{2000};
constexpr std::chrono::milliseconds kGrace{500};  // for the transport to keep the deadline by itself

bool is_damage(const Error& error) {
  return error.code == Code::kCorrupt || error.code == Code::kUnsupported || error.code == Code::kEndlessData;
}

// Of several sources' errors the one that says most: who could not be asked may have it, who has a damaged one once had
// it.
int weight(const Error& error) {
  if (error.code == Code::kNotFound) return 0;
  return is_damage(error) ? 1 : 2;
}
}  // namespace

std::shared_ptr<Download> Download::start(Sources& sources, WorkerPool& pool, Plan plan, Done done) {
  std::shared_ptr<Download> download(new Download(sources, pool, std::move(plan), std::move(done)));
  download->ask();
  download->watch_deadline();
  return download;
}

Download::Download(Sources& sources, WorkerPool& pool, Plan plan, Done done)
    : sources_(sources),
      pool_(pool),
      path_(std::move(plan.request.path)),
      limit_bytes_(plan.request.limit_bytes),
      always_past_caches_(plan.request.past_caches),
      accept_(std::move(plan.accept)),
      first_source_(sources.preferred.load()),
      done_(std::move(done)),
      deadline_(plan.request.deadline),
      priority_(plan.request.priority) {}

Transport& Download::source() { return *sources_.transports[(first_source_ + turn_) % sources_.transports.size()]; }

void Download::ask() {
  const MutexLock lock(mutex_);
  if (!done_) return;
  const auto now = Clock::now();
  const bool is_last = turn_ + 1 == sources_.transports.size();
  const Deadline deadline = is_last || deadline_ <= now ? deadline_ : now + (deadline_ - now) / 2;
  const int serial = ++serial_;
  ++report_.tries;
  ++sources_.requests;
  if (serial > 1) ++sources_.retries;
  // The lock is held until transfer_ is set: an answer that comes at once waits for it.
  transfer_ = source().get(
      {path_, limit_bytes_, priority_, deadline, past_caches_ || always_past_caches_},
      [self = shared_from_this(), serial](Result<Bytes> answer) { self->answered(serial, std::move(answer)); });
}

void Download::answered(int serial, Result<Bytes> answer) {
  if (!answer) return post([this, serial, error = answer.error()] { failed(serial, error); });
  sources_.received_bytes += answer->size();
  if (is_in_background()) sources_.background_bytes += answer->size();
  auto bytes = std::make_shared<Bytes>(std::move(*answer));
  post([this, serial, bytes] {
    auto accepted = accept_(std::move(*bytes));
    if (!accepted) return failed(serial, accepted.error());
    finish(std::move(accepted));
  });
}

void Download::failed(int serial, const Error& error) {
  std::chrono::milliseconds pause{0};
  std::optional<Error> verdict;
  {
    const MutexLock lock(mutex_);
    if (!done_ || serial != serial_) return;
    if (is_damage(error)) ++sources_.corrupt;
    if (!move_on(error, pause)) verdict = worst_;
  }
  if (verdict) return finish(std::move(*verdict));
  if (pause.count() == 0) return ask();
  pool_.post_at(Clock::now() + pause, [self = shared_from_this()] { self->ask(); });
}

bool Download::move_on(const Error& error, std::chrono::milliseconds& pause) {
  remember(error);
  if (can_ask_past_caches(error)) {
    past_caches_ = true;
    return true;
  }
  past_caches_ = false;
  if (++turn_ < sources_.transports.size()) return true;
  turn_ = 0;
  if (worst_->code != Code::kUnavailable || ++round_ >= sources_.rounds) return false;
  pause = std::min(sources_.first_pause * (1 << std::min(round_ - 1, 10)), kLongestPause);
  return Clock::now() + pause < deadline_;
}

bool Download::can_ask_past_caches(const Error& error) const {
  return is_damage(error) && !past_caches_ && !always_past_caches_;
}

void Download::remember(const Error& error) {
  if (report_.first_cause.empty()) report_.first_cause = error.message;
  if (worst_ && weight(error) < weight(*worst_)) return;
  worst_ = error;
  report_.source = source().base_url();
}

void Download::finish(Result<SharedBytes> result) {
  Done done;
  Report report;
  std::unique_ptr<Transfer> transfer;
  {
    const MutexLock lock(mutex_);
    if (!done_) return;
    done = std::exchange(done_, nullptr);
    transfer = std::move(transfer_);
    if (result) {
      report_.source = source().base_url();
      sources_.preferred = (first_source_ + turn_) % sources_.transports.size();
    } else {
      report_.first_cause.clear();
    }
    report = report_;
  }
  done(std::move(result), report);
}

void Download::expedite(Priority priority, Deadline deadline) {
  bool is_shorter = false;
  {
    const MutexLock lock(mutex_);
    const bool raised = is_more_urgent(priority, priority_);
    if (raised) priority_ = priority;
    if (!raised) deadline = std::max(deadline_, deadline);
    is_shorter = deadline < deadline_;
    deadline_ = deadline;
    if (transfer_) transfer_->expedite(priority_, deadline_);
    if (raised && posted_) post_posted();
  }
  if (is_shorter) watch_deadline();
}

void Download::post(std::function<void()> work) {
  const MutexLock lock(mutex_);
  posted_ = std::move(work);
  post_posted();
}

bool Download::is_in_background() {
  const MutexLock lock(mutex_);
  return priority_ == Priority::kBackground;
}

// It may stand in several of the pool's queues: whoever comes first takes it.
void Download::post_posted() {
  pool_.post(priority_, [self = shared_from_this()] {
    std::function<void()> work;
    {
      const MutexLock lock(self->mutex_);
      work.swap(self->posted_);
    }
    if (work) work();
  });
}

void Download::cancel() {
  Done done;  // destroyed without the lock
  std::unique_ptr<Transfer> transfer;
  const MutexLock lock(mutex_);
  done.swap(done_);
  transfer.swap(transfer_);
}

// Transports keep their deadlines; this is for one that cannot (a local directory on a dead server).
void Download::watch_deadline() {
  Deadline deadline;
  {
    const MutexLock lock(mutex_);
    if (!done_) return;
    deadline = deadline_;
  }
  pool_.post_at(deadline + kGrace, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    std::optional<Error> verdict;
    {
      const MutexLock lock(self->mutex_);
      if (self->deadline_ + kGrace <= Clock::now()) {
        self->remember(Error{Code::kUnavailable,
                             str("cannot fetch ", self->source().base_url(), "/", self->path_, ": no answer in time")});
        verdict = self->worst_;
      }
    }
    if (verdict) return self->finish(std::move(*verdict));
    self->watch_deadline();
  });
}

}  // namespace granary
