#include "fs/base/unique_name.h"

#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>

#include "fs/base/bytes.h"

namespace granary {

namespace {
// While a machine starts, the kernel may have no random numbers yet; then there is one of us.
uint64_t time_and_process() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::nanoseconds(now).count()) ^ static_cast<uint64_t>(::getpid()) << 32;
}
}  // namespace

std::string unique_name() {
  static std::atomic<uint64_t> count{0};
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) number = time_and_process() + count++;
  return to_hex(ByteWriter().u64(number).view());
}

}  // namespace granary
