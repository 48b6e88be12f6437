#include "fs/net/source_choice.h"

#include <algorithm>
#include <tuple>

namespace granary {

namespace {
using Duration = SourceChoice::Duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kOutage = seconds(1);                  // a server that is restarted is none
constexpr Duration kLongestPause = seconds(30);       // between trials of a source that is ill
constexpr Duration kLongestOutagePause = seconds(2);  // and when readers fail meanwhile
constexpr auto kFirstLookAround = seconds(2);
constexpr auto kBetweenLooks = seconds(2);
constexpr auto kMeasureAgain = seconds(300);

// A request may be several times as slow as usual before nothing more is expected of it.
constexpr int kStalledTimes = 4;
constexpr Duration kLeastStall = seconds(2);
constexpr Duration kLeastWholeStall = seconds(3);
constexpr Duration kLookAgain = seconds(1);

// Who is in use must be this much worse to be left: its times include the queue that we make ourselves.
constexpr int kLoyalty = 2;
constexpr Duration kLoyaltySlack = milliseconds(10);
}  // namespace

SourceChoice::SourceChoice(std::vector<SourcePlace> places, Time now) : started_(now) {
  for (SourcePlace& place : places) {
    Source& source = sources_.emplace_back();
    source.place = std::move(place);
  }
}

std::vector<size_t> SourceChoice::order(Time now) const {
  const MutexLock lock(mutex_);
  const bool nobody_is_reachable = everybody_is_unreachable();
  const size_t in_use = in_use_;
  std::vector<size_t> out;
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (nobody_is_reachable || !sources_[i].health.is_unreachable()) out.push_back(i);
  }
  const auto key = [&](size_t i) {
    const Source& source = sources_[i];
    const int rank = source.health.rank(now);
    const bool unknown = source.health.state(now) == SourceHealth::State::kUnknown;
    const Duration cost = i == in_use ? source.health.cost() / kLoyalty : source.health.cost() + kLoyaltySlack;
    return std::make_tuple(rank >= 2 ? rank : 0, source.place.group, rank, unknown, cost, i);
  };
  std::sort(out.begin(), out.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  return out;
}

std::string SourceChoice::left_out(Time) const {
  const MutexLock lock(mutex_);
  if (everybody_is_unreachable()) return {};
  for (const Source& source : sources_) {
    if (source.health.is_unreachable()) return source.health.last_error();
  }
  return {};
}

bool SourceChoice::everybody_is_unreachable() const {
  return std::all_of(sources_.begin(), sources_.end(),
                     [](const Source& source) { return source.health.is_unreachable(); });
}

std::optional<std::string> SourceChoice::outage(Time now) const {
  const MutexLock lock(mutex_);
  if (!everybody_is_unreachable() || now - nobody_reachable_since_ < kOutage) return std::nullopt;
  return sources_[in_use_].health.last_error();
}

void SourceChoice::sent(size_t source, Kind kind) {
  const MutexLock lock(mutex_);
  SourceStatus& counters = sources_[source].counters;
  ++counters.requests;
  if (kind == Kind::kFirst) budget_.sent();
  if (kind == Kind::kHedge) ++counters.hedges;
  if (kind == Kind::kTrial) ++counters.trials;
}

void SourceChoice::answered(size_t source, const Timing& timing, uint64_t bytes, bool was_chosen) {
  const MutexLock lock(mutex_);
  Source& here = sources_[source];
  if (here.health.state(timing.ended) == SourceHealth::State::kIll) ++recoveries_;
  // Some transports do not tell.
  const Time began = timing.began == Time{} ? timing.ended : timing.began;
  const Time first_byte = timing.first_byte == Time{} ? timing.ended : timing.first_byte;
  const auto since_begin = [&](Time time) { return std::chrono::duration_cast<Duration>(time - began); };
  here.health.answered(since_begin(first_byte), since_begin(timing.ended), bytes, timing.ended);
  here.counters.bytes += bytes;
  budget_.received(bytes);
  if (was_chosen) in_use_ = source;
}

void SourceChoice::answered_without(size_t source, Time now) {
  const MutexLock lock(mutex_);
  Source& here = sources_[source];
  ++here.counters.missing;
  if (here.health.state(now) == SourceHealth::State::kIll) ++recoveries_;
  here.health.answered_without(now);
}

void SourceChoice::failed(size_t source, Trouble trouble, const std::string& cause, Time began, Time now) {
  if (trouble == Trouble::kNone) return;
  const MutexLock lock(mutex_);
  ++sources_[source].counters.errors;
  if (trouble != Trouble::kUnreachable) return sources_[source].health.failed(trouble, cause, now);
  const bool nobody_was_reachable = everybody_is_unreachable();
  const std::string& proxy = sources_[source].place.proxy;
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (i == source || (!proxy.empty() && sources_[i].place.proxy == proxy))
      sources_[i].health.failed(trouble, cause, now);
  }
  // Counted from the last to go: who went before may have come back, and has a second to show it.
  if (!nobody_was_reachable && everybody_is_unreachable()) nobody_reachable_since_ = began;
}

void SourceChoice::stalled(size_t source, Time now) {
  const MutexLock lock(mutex_);
  sources_[source].health.stalled(now);
}

void SourceChoice::lacked(size_t source, Time now) {
  const MutexLock lock(mutex_);
  sources_[source].health.lacked(now);
}

void SourceChoice::caught_up(size_t source) {
  const MutexLock lock(mutex_);
  sources_[source].health.caught_up();
}

void SourceChoice::hedge_won(size_t source) {
  const MutexLock lock(mutex_);
  ++sources_[source].counters.hedge_wins;
}

void SourceChoice::wasted(size_t source, uint64_t bytes) {
  const MutexLock lock(mutex_);
  sources_[source].counters.wasted_bytes += bytes;
  budget_.wasted(bytes);
}

SourceChoice::Verdict SourceChoice::judge(size_t source, Duration elapsed, bool has_first_byte) const {
  using Pace = Verdict::Pace;
  const MutexLock lock(mutex_);
  const SourceHealth& health = sources_[source].health;
  const Duration most = has_first_byte ? 2 * health.patience_for_whole() : health.patience_for_first_byte();
  // Five in a hundred are beyond the 95th percentile, most of them by little; the budget is two.
  const Duration usual = budget_.is_scarce() ? 3 * most : most + most / 2;
  const Duration stall = std::max({has_first_byte ? kLeastWholeStall : kLeastStall, kStalledTimes * most, usual});
  if (elapsed < usual) return {Pace::kUsual, usual};
  if (elapsed < stall) return {Pace::kSlow, stall};
  return {Pace::kStalled, elapsed + kLookAgain};
}

bool SourceChoice::take_hedge() {
  const MutexLock lock(mutex_);
  return budget_.take();
}

bool SourceChoice::is_trial_due(const Source& source, Time now) const {
  if (source.on_trial) return false;
  if (source.health.state(now) == SourceHealth::State::kIll)
    return source.health.is_trial_due(now, everybody_is_unreachable() ? kLongestOutagePause : kLongestPause);
  const bool may_look_around =
      sources_.size() > 1 && now - started_ >= kFirstLookAround && now - looked_around_ >= kBetweenLooks;
  const Time known = std::max(source.health.measured(), source.looked_at);
  return may_look_around && (known == Time{} || now - known >= kMeasureAgain);
}

std::vector<size_t> SourceChoice::due_trials(Time now) {
  const MutexLock lock(mutex_);
  std::vector<size_t> due;
  for (size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    if (!is_trial_due(source, now)) continue;
    source.on_trial = true;
    if (source.health.state(now) == SourceHealth::State::kIll) {
      source.health.trial_began(now);
    } else {
      source.looked_at = looked_around_ = now;
    }
    due.push_back(i);
  }
  return due;
}

void SourceChoice::trial_ended(size_t source) {
  const MutexLock lock(mutex_);
  sources_[source].on_trial = false;
}

std::vector<SourceStatus> SourceChoice::status(Time now) const {
  const MutexLock lock(mutex_);
  std::vector<SourceStatus> out;
  for (const Source& source : sources_) {
    SourceStatus status = source.counters;
    status.place = source.place;
    status.state = source.health.state(now);
    status.latency_ms = static_cast<double>(source.health.latency().count()) / 1000;
    status.bytes_per_second = source.health.bytes_per_second();
    status.error_rate = source.health.error_rate();
    status.last_error = source.health.last_error();
    out.push_back(std::move(status));
  }
  return out;
}

}  // namespace granary
