// SourceChoice: which of several sources to ask first, when a second one is worth asking beside it, and whether anybody
// can be reached at all. A source is a mirror and the proxy on the way to it.
//
// The order: who is not ill, before who is; then by fallback group, by what is known of each (SourceHealth), by
// measured cost; the one in use stays until another is twice as quick. Whoever shares an unreachable proxy is
// unreachable with it.
//
// When every source has been unreachable for a second the network counts as gone: then requests need not wait for what
// cannot come. Trials tell when it is back.
//
// Pure but for its lock: it is told the time. Safe from many threads.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/net/hedge_budget.h"
#include "fs/net/source_health.h"

namespace granary {

struct SourceStatus {
  SourcePlace place;
  SourceHealth::State state = SourceHealth::State::kUnknown;
  double latency_ms = 0;        // until the first byte: moving average
  double bytes_per_second = 0;  // after it, likewise
  double error_rate = 0;        // share of requests that failed, likewise
  uint64_t requests = 0;        // trials and second requests included
  uint64_t bytes = 0;           // of whole answers
  uint64_t errors = 0;          // unreachable, silent, broken off, damaged
  uint64_t missing = 0;         // files that it does not have
  uint64_t trials = 0;          // requests that only asked whether it is well
  uint64_t hedges = 0;          // second requests sent to it beside a slow first one
  uint64_t hedge_wins = 0;      // of these, who answered first
  uint64_t wasted_bytes = 0;    // brought by requests that lost
  std::string last_error;       // empty: none so far
};

class SourceChoice {
 public:
  using Time = SourceHealth::Time;
  using Duration = SourceHealth::Duration;

  explicit SourceChoice(std::vector<SourcePlace> places, Time now = std::chrono::steady_clock::now());

  size_t count() const { return sources_.size(); }
  const SourcePlace& place(size_t source) const { return sources_[source].place; }

  // Whom to ask, one after the other. Leaves out whom nobody can reach, unless that is everybody.
  std::vector<size_t> order(Time now) const;
  // Why a source is left out at the moment; empty when none is.
  std::string left_out(Time now) const;
  // The network is gone: what the last attempt met.
  std::optional<std::string> outage(Time now) const;

  enum class Kind { kFirst, kHedge, kTrial };
  void sent(size_t source, Kind kind);
  struct Timing {
    Time began, first_byte, ended;
  };
  // `was_chosen`: it is the one in use from now on.
  void answered(size_t source, const Timing& timing, uint64_t bytes, bool was_chosen = true);
  void answered_without(size_t source, Time now);
  void failed(size_t source, Trouble trouble, const std::string& cause, Time began, Time now);
  void stalled(size_t source, Time now);
  void lacked(size_t source, Time now);
  void caught_up(size_t source);
  void hedge_won(size_t source);
  void wasted(size_t source, uint64_t bytes);
  // Grows whenever a source is well again: what failed before may succeed now.
  uint64_t recoveries() const { return recoveries_.load(); }

  // How a request under way does, so long after it began.
  struct Verdict {
    enum class Pace { kUsual, kSlow, kStalled } pace = Pace::kUsual;
    Duration look_again{};  // after it began
  };
  Verdict judge(size_t source, Duration elapsed, bool has_first_byte) const;
  // True when a second request is within the budget; it is taken from it.
  bool take_hedge();

  // Whom to ask now whether it is well, each at most once at a time: who is ill, when its pause is over; who was never
  // measured, or long ago. For each a `sent` and one of the answers follow.
  std::vector<size_t> due_trials(Time now);
  void trial_ended(size_t source);

  std::vector<SourceStatus> status(Time now) const;

 private:
  struct Source {
    SourcePlace place;
    SourceHealth health;
    SourceStatus counters;
    bool on_trial = false;
    Time looked_at{};  // the last trial of one that is not ill
  };
  bool everybody_is_unreachable() const REQUIRES(mutex_);
  bool is_trial_due(const Source& source, Time now) const REQUIRES(mutex_);

  std::vector<Source> sources_;  // places never change; the rest is guarded by mutex_
  const Time started_;
  std::atomic<uint64_t> recoveries_{0};

  mutable Mutex mutex_;
  HedgeBudget budget_ GUARDED_BY(mutex_);
  size_t in_use_ GUARDED_BY(mutex_) = 0;
  Time nobody_reachable_since_ GUARDED_BY(mutex_);
  Time looked_around_ GUARDED_BY(mutex_);
};

}  // namespace granary
