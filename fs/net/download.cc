#include "fs/net/download.h"

#include <algorithm>

namespace granary {

namespace {
using Clock = std::chrono::steady_clock;
using Pace = SourceChoice::Verdict::Pace;

constexpr std::chrono::milliseconds kLongestPause{2000};
constexpr std::chrono::milliseconds kGrace{500};  // for the transport to keep the deadline by itself
constexpr std::chrono::milliseconds kOutagePatience{1000};
constexpr std::chrono::milliseconds kOutageLook{50};
constexpr size_t kMostAtOnce = 2;

bool is_damage(const Error& error) {
  return error.code == Code::kCorrupt || error.code == Code::kUnsupported || error.code == Code::kEndlessData;
}
// Of a head: good once.
bool is_old(const Error& error) { return error.code == Code::kRollback || error.code == Code::kExpired; }

// Of several sources' errors the one that says most: a reason to stop; then who could not be asked and may have it;
// then who has a damaged one, and so once had it.
int weight(const Error& error, bool arrived) {
  if (error.code == Code::kNotFound) return 0;
  if (is_damage(error)) return 1;
  return arrived ? 3 : 2;
}
}  // namespace

std::shared_ptr<Download> Download::start(Sources& sources, WorkerPool& pool, Plan plan, Done done) {
  std::shared_ptr<Download> download(new Download(sources, pool, std::move(plan), std::move(done)));
  sources.look_after();
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
      revalidate_(plan.request.revalidate),
      accept_(std::move(plan.accept)),
      only_(std::move(plan.only)),
      done_(std::move(done)),
      deadline_(plan.request.deadline),
      priority_(plan.request.priority) {}

std::string Download::name_of_source(size_t source) const {
  const SourcePlace& place = sources_.choice.place(source);
  return place.proxy.empty() ? place.url : place.url + " through " + place.proxy;
}

// ---- whom to ask

void Download::ask() {
  if (const auto cause = sources_.choice.outage(Clock::now())) return wait_out(*cause);
  const MutexLock lock(mutex_);
  if (!done_) return;
  if (left_.empty()) begin_round();
  const size_t source = left_.front();
  left_.pop_front();
  send(source, false, false);
}

void Download::begin_round() {
  ++round_;
  const std::vector<size_t> order = only_.empty() ? sources_.choice.order(Clock::now()) : only_;
  left_.assign(order.begin(), order.end());
}

// Here a moment is spent on the trial that tells whether the network is back; nothing else is sent.
void Download::wait_out(const std::string& cause) {
  const auto now = Clock::now();
  const bool on_trial = sources_.look_after();
  const MutexLock lock(mutex_);
  if (!done_) return;
  if (!outage_patience_) outage_patience_ = std::min(now + kOutagePatience, deadline_);
  if (on_trial && now < *outage_patience_)
    return pool_.post_at(now + kOutageLook, [self = shared_from_this()] { self->ask(); });
  give_up(cause);
}

void Download::give_up(const std::string& cause) {
  report_.source = name_of_source(0);
  const Error error{Code::kUnavailable, "nobody can be reached at the moment; at last: " + cause};
  pool_.post(priority_, [self = shared_from_this(), error] { self->finish(error, 0); });
}

void Download::send(size_t source, bool is_hedge, bool past_caches, Connection connection) {
  const auto now = Clock::now();
  const bool is_last = left_.empty() || is_hedge;
  const int serial = ++serial_;
  ++report_.tries;
  ++sources_.requests;
  if (serial > 1 && !is_hedge) ++sources_.retries;
  sources_.choice.sent(source, is_hedge ? SourceChoice::Kind::kHedge : SourceChoice::Kind::kFirst);
  Attempt& attempt = attempts_[serial];
  attempt.source = source;
  attempt.is_hedge = is_hedge;
  attempt.past_caches = past_caches || always_past_caches_;
  attempt.progress = std::make_shared<TransferProgress>();
  attempt.progress->on_begin = [weak = weak_from_this(), serial] {
    if (const auto self = weak.lock()) self->watch(serial);
  };
  GetRequest request{path_, limit_bytes_, priority_,
                     is_last || deadline_ <= now ? deadline_ : now + (deadline_ - now) / 2};
  request.past_caches = attempt.past_caches;
  request.revalidate = revalidate_;
  request.on_a_new_connection = connection == Connection::kNew;
  request.progress = attempt.progress;
  // The lock is held until `transfer` is set: an answer that comes at once waits for it.
  attempt.transfer = sources_.transport(source).get(
      std::move(request),
      [self = shared_from_this(), serial](Result<Bytes> answer) { self->answered(serial, std::move(answer)); });
}

// ---- how it does

void Download::watch(int serial) {
  const auto now = Clock::now();
  const MutexLock lock(mutex_);
  const auto place = attempts_.find(serial);
  if (!done_ || place == attempts_.end() || place->second.transfer == nullptr) return;
  const Attempt& attempt = place->second;
  const auto began = attempt.progress->began.load();
  const auto elapsed = std::chrono::duration_cast<SourceChoice::Duration>(now - began);
  const bool has_first_byte = attempt.progress->first_byte.load() != Deadline{};
  const auto verdict = sources_.choice.judge(attempt.source, elapsed, has_first_byte);
  const auto next = began + verdict.look_again;
  if (verdict.pace == Pace::kStalled) {
    if (const auto cause = sources_.choice.outage(now)) return give_up(*cause);
    if (!has_first_byte) sources_.choice.stalled(attempt.source, now);
  }
  if (verdict.pace != Pace::kUsual && priority_ == Priority::kDemand && attempts_.size() < kMostAtOnce)
    help(serial, verdict.pace);
  if (next < deadline_) {
    pool_.post_at(next, [weak = weak_from_this(), serial] {
      if (const auto self = weak.lock()) self->watch(serial);
    });
  }
}

void Download::help(int serial, Pace pace) {
  const Attempt& slow = attempts_.at(serial);
  if (!left_.empty()) {
    if (pace == Pace::kSlow && !sources_.choice.take_hedge()) return;
    const size_t next = left_.front();
    left_.pop_front();
    return send(next, true, slow.past_caches);
  }
  if (pace != Pace::kStalled || was_helped_) return;
  was_helped_ = true;
  send(slow.source, true, slow.past_caches, Connection::kNew);
}

// ---- what came of it

void Download::answered(int serial, Result<Bytes> answer) {
  if (!answer) return post([this, serial, error = answer.error()] { failed(serial, error, false); });
  sources_.received_bytes += answer->size();
  if (is_in_background()) sources_.background_bytes += answer->size();
  auto bytes = std::make_shared<Bytes>(std::move(*answer));
  post([this, serial, bytes, ended = Clock::now()] { examine(serial, std::move(*bytes), ended); });
}

void Download::examine(int serial, Bytes answer, Deadline ended) {
  {
    const MutexLock lock(mutex_);
    if (!attempts_.contains(serial)) return;  // another one won meanwhile
  }
  const uint64_t size_bytes = answer.size();
  auto result = accept_(std::move(answer));
  if (!result) return failed(serial, result.error(), true);
  {
    const MutexLock lock(mutex_);
    const auto place = attempts_.find(serial);
    if (place == attempts_.end()) return;
    const TransferProgress& progress = *place->second.progress;
    sources_.choice.answered(place->second.source, {progress.began.load(), progress.first_byte.load(), ended},
                             size_bytes, only_.empty());
  }
  finish(std::move(result), serial);
}

void Download::tell_health(const Attempt& attempt, const Error& error, bool arrived) {
  const auto now = Clock::now();
  const auto fail = [&](Trouble trouble) {
    sources_.choice.failed(attempt.source, trouble, error.message, attempt.progress->began.load(), now);
  };
  if (is_damage(error)) ++sources_.corrupt;
  if (error.code == Code::kNotFound && !arrived) return sources_.choice.answered_without(attempt.source, now);
  if (is_old(error)) return attempt.past_caches ? sources_.choice.lacked(attempt.source, now) : void();
  const bool is_wrong = arrived || error.code == Code::kEndlessData;
  fail(is_wrong ? Trouble::kDamaged : attempt.progress->trouble.load());
}

void Download::failed(int serial, const Error& error, bool arrived) {
  std::chrono::milliseconds pause{0};
  std::optional<Error> verdict;
  {
    const MutexLock lock(mutex_);
    const auto place = attempts_.find(serial);
    if (!done_ || place == attempts_.end()) return;
    const Attempt attempt = std::move(place->second);
    attempts_.erase(place);
    tell_health(attempt, error, arrived);
    remember(attempt.source, error, arrived);
    const bool may_be_a_cache = arrived || is_damage(error);
    if (may_be_a_cache && !attempt.past_caches) return send(attempt.source, attempt.is_hedge, true);
    if (error.code == Code::kNotFound || is_old(error)) lacking_.push_back(attempt.source);
    if (!attempts_.empty() && !sources_.choice.outage(Clock::now())) return;  // another one is under way
    if (!move_on(pause)) verdict = worst_;
  }
  if (verdict) return finish(std::move(*verdict), serial);
  if (pause.count() == 0) return ask();
  pool_.post_at(Clock::now() + pause, [self = shared_from_this()] { self->ask(); });
}

bool Download::move_on(std::chrono::milliseconds& pause) {
  if (!left_.empty()) return true;
  if (!only_.empty()) return false;
  if (const std::string cause = sources_.choice.left_out(Clock::now()); !cause.empty() && weight(*worst_, false) < 2)
    worst_ = Error{Code::kUnavailable, cause};
  if (worst_->code != Code::kUnavailable || round_ >= sources_.rounds) return false;
  pause = std::min(sources_.first_pause * (1 << std::min(round_ - 1, 10)), kLongestPause);
  return Clock::now() + pause < deadline_;
}

void Download::remember(size_t source, const Error& error, bool arrived) {
  if (report_.first_cause.empty()) report_.first_cause = error.message;
  if (worst_ && weight(error, arrived) < weight(*worst_, report_.arrived)) return;
  worst_ = error;
  report_.arrived = arrived;
  report_.number = source;
  report_.source = name_of_source(source);
}

// Of those who were asked at the same time one won. What the other had brought was in vain.
void Download::settle_hedges(int winner) {
  const auto won = attempts_.find(winner);
  if (won != attempts_.end() && won->second.is_hedge) sources_.choice.hedge_won(won->second.source);
  for (const auto& [serial, attempt] : attempts_) {
    if (serial != winner) sources_.choice.wasted(attempt.source, attempt.progress->received_bytes.load());
  }
}

void Download::finish(Result<SharedBytes> result, int serial) {
  Done done;
  Report report;
  std::map<int, Attempt> attempts;  // cancelled without the lock
  {
    const MutexLock lock(mutex_);
    if (!done_) return;
    done = std::exchange(done_, nullptr);
    settle_hedges(serial);
    if (result) {
      report_.number = attempts_.at(serial).source;
      report_.source = name_of_source(report_.number);
      report_.arrived = true;
      for (const size_t lacking : lacking_) sources_.choice.lacked(lacking, Clock::now());
    } else {
      report_.first_cause.clear();
    }
    attempts.swap(attempts_);
    report = report_;
  }
  attempts.clear();
  done(std::move(result), report);
}

// ---- urgency and deadlines

void Download::expedite(Priority priority, Deadline deadline) {
  bool is_shorter = false;
  {
    const MutexLock lock(mutex_);
    const bool raised = is_more_urgent(priority, priority_);
    if (raised) priority_ = priority;
    if (!raised) deadline = std::max(deadline_, deadline);
    is_shorter = deadline < deadline_;
    deadline_ = deadline;
    for (const auto& [serial, attempt] : attempts_) {
      if (attempt.transfer) attempt.transfer->expedite(priority_, deadline_);
      const bool has_begun = attempt.progress->began.load() != Deadline{};
      if (raised && has_begun)
        pool_.post(priority_, [self = shared_from_this(), serial = serial] { self->watch(serial); });
    }
    if (raised && !posted_.empty()) post_posted();
  }
  if (is_shorter) watch_deadline();
}

void Download::post(std::function<void()> work) {
  const MutexLock lock(mutex_);
  posted_.push_back(std::move(work));
  post_posted();
}

bool Download::is_in_background() {
  const MutexLock lock(mutex_);
  return priority_ == Priority::kBackground;
}

// It may stand in several of the pool's queues: whoever comes first takes it.
void Download::post_posted() {
  pool_.post(priority_, [self = shared_from_this()] {
    std::vector<std::function<void()>> works;
    {
      const MutexLock lock(self->mutex_);
      works.swap(self->posted_);
    }
    for (const auto& work : works) work();
  });
}

void Download::cancel() {
  Done done;  // destroyed without the lock
  std::map<int, Attempt> attempts;
  const MutexLock lock(mutex_);
  done.swap(done_);
  attempts.swap(attempts_);
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
        const size_t source = self->attempts_.empty() ? self->report_.number : self->attempts_.begin()->second.source;
        const std::string what = str("cannot fetch ", self->path_, " from ", self->name_of_source(source));
        self->remember(source, Error{Code::kUnavailable, what + ": no answer in time"}, false);
        verdict = self->worst_;
      }
    }
    if (verdict) return self->finish(std::move(*verdict), 0);
    self->watch_deadline();
  });
}

}  // namespace granary
