// Until time servers are asked (network/sntp.h).
#include "initramfs/network/sntp.h"

namespace granary {

__attribute__((weak)) Result<UnixSeconds> ask_time(const std::vector<std::string>&, std::chrono::milliseconds) {
  return Error{Code::kUnavailable, "time servers are not asked yet"};
}

}  // namespace granary
