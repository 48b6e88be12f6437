// UTC times as people and records write them, and the clock behind them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "fs/base/result.h"

namespace granary {

// Whole seconds since 1970-01-01T00:00:00Z; may be negative.
using UnixSeconds = int64_t;

// "2026-11-21T08:00:00Z".
std::string format_utc(UnixSeconds time);
// Accepts 2026-11-21, 2026-11-21T12:00, 2026-11-21T12:00:00, each with or without Z; always UTC.
Result<UnixSeconds> parse_utc(std::string_view text);
// "90s", "15m", "12h", "30d", "8w", "1y": kInvalid for anything else, zero included.
Result<int64_t> parse_duration_seconds(std::string_view text);

// Clock: where "now" comes from, so that tests can say what time it is. Safe from many threads.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixSeconds now() const = 0;
  static const Clock& system();
};

}  // namespace granary
