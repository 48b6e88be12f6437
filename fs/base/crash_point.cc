#include "fs/base/crash_point.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

namespace granary {

namespace {
struct Wish {
  std::string name;
  long times = 1;
};

Wish read_wish() {
  const char* text = ::secure_getenv("GRANARY_CRASH_AT");
  if (text == nullptr) return {};
  Wish wish{text, 1};
  if (const size_t colon = wish.name.find(':'); colon != std::string::npos) {
    wish.times = std::strtol(wish.name.c_str() + colon + 1, nullptr, 10);
    wish.name.resize(colon);
  }
  return wish;
}
}  // namespace

void crash_point(const char* name) {
  static const Wish kWish = read_wish();
  static std::atomic<long> passed{0};
  if (kWish.name.empty() || kWish.name != name) return;
  if (++passed == kWish.times) ::kill(::getpid(), SIGKILL);
}

}  // namespace granary
