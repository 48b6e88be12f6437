#include "initramfs/guest/guest.h"

#include <cstdio>

#include "initramfs/guest/boot_complete.h"

namespace granary {

int run_guest(const std::vector<std::string>& arguments) {
  const std::string word = arguments.empty() ? "" : arguments.front();
  if (word == "boot-complete") {
    const Status done = reach_boot_complete();
    if (done) return 0;
    std::fprintf(stderr, "granary-guest: %s\n", done.error().message.c_str());
    return static_cast<int>(done.error().code);
  }
  return 2;
}

}  // namespace granary
