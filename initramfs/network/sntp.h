// SNTP (RFC 4330): what time it is, within a bounded wait, so that freshness can be judged. Not authenticated: a liar
// on the network can lie about it, so its answer never goes before the floor of trusted time
// (initramfs/trusted_time.h).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/time.h"

namespace granary {

// Asks all servers at once, takes the median of those that answered sensibly within `timeout`.
//   kUnavailable  nobody did
Result<UnixSeconds> ask_time(const std::vector<std::string>& servers, std::chrono::milliseconds timeout);

// One answer to a request that was sent with `origin` in its transmit field.
//   kInvalid  no SNTP answer, not to this request, or a "kiss of death"
Result<UnixSeconds> parse_sntp(ByteView packet, uint64_t origin);

}  // namespace granary
