// HedgeBudget: how many second requests may be sent beside first ones: at most two in a hundred requests and, by what
// they brought in vain, two in a hundred bytes. A token bucket: it saves up for a bad moment, but not for ever. Pure,
// not locked.
#pragma once

#include <algorithm>
#include <cstdint>

namespace granary {

class HedgeBudget {
 public:
  static constexpr double kShare = 0.02;
  static constexpr double kMostTokens = 16;
  static constexpr double kMostBytes = 8 << 20;

  // A first request went out; bytes came.
  void sent() { tokens_ = std::min(tokens_ + kShare, kMostTokens); }
  void received(uint64_t bytes) { bytes_ = std::min(bytes_ + kShare * static_cast<double>(bytes), kMostBytes); }
  // What the loser of two had brought.
  void wasted(uint64_t bytes) { bytes_ -= static_cast<double>(bytes); }

  // With little left only what is very slow is worth one.
  bool is_scarce() const { return tokens_ < kMostTokens / 4; }
  // True when one may go out now: it is paid for.
  bool take() {
    if (tokens_ < 1 || bytes_ <= 0) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double tokens_ = 1;         // the first one is on credit
  double bytes_ = 256 << 10;  // likewise
};

}  // namespace granary
