// Trusted time: whether this machine knows what time it is, well enough to judge whether a repository is fresh. The
// floor is the later of the image's build and of what was last verified here: no clock and no time server moves the
// machine before it.
#pragma once

#include <string>
#include <vector>

#include "fs/base/time.h"

namespace granary {

struct TrustedTime {
  bool trusted = false;  // a time server has said it
  UnixSeconds floor = 0;
  std::string said;  // for people
};

// The later of both; what cannot be read is long ago.
UnixSeconds time_floor(const std::string& built_at, const std::string& state_folder);
// Remembers that it is at least `time` ("2026-11-21T08:00:00Z").
void raise_time_floor(const std::string& state_folder, const std::string& time);

// Sets the machine's clock: to what the servers say, if they do within seconds and not from before the floor; to the
// floor, if the clock is before it.
TrustedTime settle_time(UnixSeconds floor, const std::vector<std::string>& servers);

}  // namespace granary
