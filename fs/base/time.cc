#include "fs/base/time.h"

#include <cstdio>
#include <ctime>

namespace granary {

std::string format_utc(UnixSeconds time) {
  const time_t seconds = time;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

Result<UnixSeconds> parse_utc(std::string_view text) {
  const Error bad{Code::kInvalid, str("not a UTC time such as 2026-11-21T12:00:00Z: \"", text, "\"")};
  std::string body(text);
  if (!body.empty() && body.back() == 'Z') body.pop_back();
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    tm parts{};
    const char* end = strptime(body.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    const tm wanted = parts;
    const time_t seconds = timegm(&parts);
    if (parts.tm_mday != wanted.tm_mday || parts.tm_mon != wanted.tm_mon) return bad;  // 30 February
    return static_cast<UnixSeconds>(seconds);
  }
  return bad;
}

Result<int64_t> parse_duration_seconds(std::string_view text) {
  const Error bad{Code::kInvalid, str("not a duration such as 90s, 15m, 12h, 30d, 8w or 1y: \"", text, "\"")};
  if (text.size() < 2 || text.size() > 10) return bad;
  int64_t unit = 0;
  switch (text.back()) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3600; break;
    case 'd': unit = 86400; break;
    case 'w': unit = 7 * 86400; break;
    case 'y': unit = 365 * 86400; break;
    default: return bad;
  }
  int64_t count = 0;
  for (const char digit : text.substr(0, text.size() - 1)) {
    if (digit < '0' || digit > '9') return bad;
    count = count * 10 + (digit - '0');
  }
  if (count == 0) return bad;
  return count * unit;
}

namespace {
class SystemClock : public Clock {
 public:
  UnixSeconds now() const override { return static_cast<UnixSeconds>(::time(nullptr)); }
};
}  // namespace

const Clock& Clock::system() {
  static const SystemClock clock;
  return clock;
}

}  // namespace granary
