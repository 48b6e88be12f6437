#include "initramfs/trusted_time.h"

#include <algorithm>
#include <ctime>

#include "fs/base/file.h"
#include "initramfs/network/sntp.h"

namespace granary {

namespace {
constexpr std::chrono::milliseconds kPatience{5000};
constexpr const char* kFloorFile = "/time-floor";

void set_clock(UnixSeconds time) {
  const timespec now{time, 0};
  ::clock_settime(CLOCK_REALTIME, &now);
}
}  // namespace

UnixSeconds time_floor(const std::string& built_at, const std::string& state_folder) {
  UnixSeconds floor = parse_utc(built_at).value_or(0);
  const auto kept = read_file(state_folder + kFloorFile, 64);
  if (kept) floor = std::max(floor, parse_utc(kept->substr(0, kept->find('\n'))).value_or(0));
  return floor;
}

void raise_time_floor(const std::string& state_folder, const std::string& time) {
  const auto at = parse_utc(time);
  if (!at || *at <= time_floor("", state_folder)) return;
  (void)replace_file(state_folder + kFloorFile, format_utc(*at) + "\n", 0600, Durability::kDurable);
}

TrustedTime settle_time(UnixSeconds floor, const std::vector<std::string>& servers) {
  TrustedTime time{false, floor, ""};
  const auto answer = servers.empty() ? Result<UnixSeconds>(Error{Code::kUnavailable, "no time server is known"})
                                      : ask_time(servers, kPatience);
  if (answer && *answer >= floor) {
    set_clock(*answer);
    return {true, floor, format_utc(*answer) + " by time servers"};
  }
  const UnixSeconds clock = Clock::system().now();
  const std::string why = answer ? "time servers say " + format_utc(*answer) + ", which is before the image was made"
                                 : answer.error().message;
  if (clock < floor) set_clock(floor);
  time.said =
      str(format_utc(std::max(clock, floor)), clock < floor ? " (the least it can be)" : " by this machine's own clock",
          "; ", why, ": freshness is not judged");
  return time;
}

}  // namespace granary
