// SourceHealth: what is known of one source from how it answered lately: how quick it is, how often it fails, and
// whether it should be asked at all. Slowness is no illness: only requests that could not connect, met silence, broke
// off or brought damage count against a source; one that is slow is merely asked after those that are quicker.
//
// Times are moving averages with a weight of 1/8 for the newest (as TCP's round trip, RFC 6298); what is unusual is
// judged by the 95th percentile of the last 64 answers ("The Tail at Scale", Dean and Barroso 2013).
// Pure: it is told the time. Not locked.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "fs/net/transport.h"

namespace granary {

class SourceHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::microseconds;

  enum class State {
    kUnknown,  // never answered yet
    kHealthy,
    kBehind,  // answers, but lacks what others have: a mirror copies the head last
    kIll,     // asked only where nobody else can be; tried now and then
  };

  SourceHealth();

  // An answer came: its first byte so long after the request went out, its last one so long.
  void answered(Duration first_byte, Duration whole, uint64_t bytes, Time now);
  // The source said truly that it has no such file: it is well.
  void answered_without(Time now) { went_well(now); }
  void failed(Trouble trouble, const std::string& cause, Time now);
  // A request is long overdue; nothing is lost yet, but others go elsewhere until something comes.
  void stalled(Time now);
  // It lacks what another source has; it has caught up.
  void lacked(Time now);
  void caught_up();
  // Somebody asks it whether it is well again: the next trial is due after a growing pause.
  void trial_began(Time now);

  State state(Time now) const;
  bool is_trial_due(Time now, Duration longest_pause) const {
    return now >= tried_ + std::min(trial_pause_, longest_pause);
  }
  // Ill because it cannot be reached: asking it would only cost time.
  bool is_unreachable() const { return ill_ && last_trouble_ == Trouble::kUnreachable; }
  // Which of several to ask first: the smaller, the sooner. Compare ranks first, then costs.
  int rank(Time now) const;
  // The time that an object of usual size will take, failures weighed in.
  Duration cost() const;

  // From here on a request without a first byte, an answer without its last byte, is unusual.
  Duration patience_for_first_byte() const;
  Duration patience_for_whole() const;

  Duration latency() const { return Duration(static_cast<int64_t>(first_byte_us_)); }
  double bytes_per_second() const { return bytes_per_second_; }
  double error_rate() const { return error_rate_; }
  const std::string& last_error() const { return last_error_; }
  Time measured() const { return measured_; }

 private:
  // The last answers' times. What is seldom among them is what a second request is worth.
  class Times {
   public:
    void add(Duration time) { all_[count_++ % all_.size()] = time; }
    // More than this is unusual; `otherwise` as long as little is known.
    Duration usual_most(Duration otherwise) const;

   private:
    std::array<Duration, 64> all_{};
    size_t count_ = 0;
  };

  void went_well(Time now);

  double first_byte_us_ = 0;
  double bytes_per_second_ = 0;  // once the first byte has come; 0: not known
  double error_rate_ = 0;
  Times first_bytes_;
  Times wholes_;
  Time measured_{};
  bool known_ = false;

  bool ill_ = false;
  int failures_in_a_row_ = 0;
  Trouble last_trouble_ = Trouble::kNone;
  std::string last_error_;
  Time stalled_until_{};
  Time behind_until_{};
  Duration behind_pause_;
  Duration trial_pause_;
  Time tried_{};
  Time well_since_{};
};

const char* name_of(SourceHealth::State state);

}  // namespace granary
