#include "fs/net/source_health.h"

#include <algorithm>

namespace granary {

namespace {
using Duration = SourceHealth::Duration;
using std::chrono::seconds;

constexpr double kWeight = 1.0 / 8;
constexpr size_t kEnough = 8;  // answers, before their percentile means anything
constexpr int kFailuresToBeIll = 2;
constexpr double kErrorCost = 4;                   // a source that always fails seems so many times slower
constexpr double kUsualBytes = 128 << 10;          // of an object
constexpr uint64_t kTellsOfThroughput = 32 << 10;  // bytes; less says little

constexpr Duration kFirstPatience = std::chrono::milliseconds(500);  // as long as little is known
constexpr Duration kFirstWholePatience = seconds(2);
constexpr Duration kLeastPatience = std::chrono::milliseconds(20);  // less is the noise of schedulers

constexpr Duration kFirstTrial = std::chrono::milliseconds(250);
constexpr Duration kLongestTrialPause = seconds(30);
constexpr Duration kWellForLong = seconds(60);
constexpr Duration kStallMemory = seconds(30);
constexpr Duration kFirstBehind = seconds(10);
constexpr Duration kLongestBehind = seconds(300);

double moved(double average, double newest, bool first) {
  return first ? newest : average + (newest - average) * kWeight;
}
}  // namespace

SourceHealth::SourceHealth() : behind_pause_(kFirstBehind), trial_pause_(kFirstTrial) {}

Duration SourceHealth::Times::usual_most(Duration otherwise) const {
  const size_t size = std::min(count_, all_.size());
  if (size < kEnough) return otherwise;
  auto sorted = all_;
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>((size * 95) / 100);
  std::nth_element(sorted.begin(), place, sorted.begin() + static_cast<std::ptrdiff_t>(size));
  return std::max(*place, kLeastPatience);
}

void SourceHealth::answered(Duration first_byte, Duration whole, uint64_t bytes, Time now) {
  first_byte_us_ = moved(first_byte_us_, static_cast<double>(first_byte.count()), !known_);
  first_bytes_.add(first_byte);
  wholes_.add(whole);
  if (bytes >= kTellsOfThroughput) {
    const auto took = std::max<Duration>(whole - first_byte, Duration(1));
    const double rate = static_cast<double>(bytes) * 1e6 / static_cast<double>(took.count());
    bytes_per_second_ = moved(bytes_per_second_, rate, bytes_per_second_ == 0);
  }
  known_ = true;
  measured_ = now;
  went_well(now);
}

void SourceHealth::went_well(Time now) {
  error_rate_ = moved(error_rate_, 0, false);
  failures_in_a_row_ = 0;
  stalled_until_ = {};
  if (ill_) {
    ill_ = false;
    well_since_ = now;
  }
  if (now - well_since_ > kWellForLong) trial_pause_ = kFirstTrial;  // one that comes and goes is tried less often
}

void SourceHealth::failed(Trouble trouble, const std::string& cause, Time now) {
  if (trouble == Trouble::kNone) return;
  error_rate_ = moved(error_rate_, 1, false);
  last_trouble_ = trouble;
  last_error_ = cause;
  ++failures_in_a_row_;
  const bool cannot_be_asked = trouble == Trouble::kUnreachable || trouble == Trouble::kSilent;
  const int enough = known_ ? kFailuresToBeIll : 1;  // who never answered well has nothing to its credit
  if (ill_ || (!cannot_be_asked && failures_in_a_row_ < enough)) return;
  ill_ = true;
  tried_ = now;
}

void SourceHealth::stalled(Time now) { stalled_until_ = now + kStallMemory; }

void SourceHealth::lacked(Time now) {
  if (now < behind_until_) return;
  const bool again = behind_until_ != Time{} && now - behind_until_ < kLongestBehind;
  behind_pause_ = again ? std::min(behind_pause_ * 2, kLongestBehind) : kFirstBehind;
  behind_until_ = now + behind_pause_;
}

void SourceHealth::caught_up() { behind_until_ = {}; }

void SourceHealth::trial_began(Time now) {
  trial_pause_ = std::min(trial_pause_ * 2, kLongestTrialPause);
  tried_ = now;
}

SourceHealth::State SourceHealth::state(Time now) const {
  if (ill_) return State::kIll;
  if (now < behind_until_) return State::kBehind;
  return known_ ? State::kHealthy : State::kUnknown;
}

int SourceHealth::rank(Time now) const {
  if (ill_) return 3;
  if (now < stalled_until_) return 2;
  return now < behind_until_ ? 1 : 0;
}

Duration SourceHealth::cost() const {
  if (!known_) return Duration(0);
  const double body_us = bytes_per_second_ > 0 ? kUsualBytes * 1e6 / bytes_per_second_ : 0;
  return Duration(static_cast<int64_t>((first_byte_us_ + body_us) * (1 + kErrorCost * error_rate_)));
}

Duration SourceHealth::patience_for_first_byte() const { return first_bytes_.usual_most(kFirstPatience); }
Duration SourceHealth::patience_for_whole() const { return wholes_.usual_most(kFirstWholePatience); }

const char* name_of(SourceHealth::State state) {
  switch (state) {
    case SourceHealth::State::kUnknown: return "unknown";
    case SourceHealth::State::kHealthy: return "healthy";
    case SourceHealth::State::kBehind: return "behind";
    case SourceHealth::State::kIll: return "ill";
  }
  return "unknown";
}

}  // namespace granary
