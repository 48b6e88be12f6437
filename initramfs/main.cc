// `granary-init`: what it does is in the name it is called by (initramfs/README.md).
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "initramfs/guest/guest.h"
#include "initramfs/guest/trial_watcher.h"
#include "initramfs/init.h"
#include "initramfs/lasting_root.h"
#include "initramfs/network/link_keeper.h"
#include "initramfs/network/network.h"
#include "initramfs/settings_check.h"
#include "initramfs/shutdown.h"

namespace {
using Arguments = std::vector<std::string>;

int run_as_init(const Arguments&) {
  if (::getpid() == 1) granary::run_init();
  std::fprintf(stderr, "init: only the kernel starts this, as process 1\n");
  return 2;
}

// What it is called by, or, called granary-init, its first argument.
constexpr std::pair<const char*, int (*)(const Arguments&)> kNames[]{
    {"init", run_as_init},
    {"shutdown", granary::run_shutdown},
    {"granary-guest", granary::run_guest},
    {"granary-lease", granary::run_lease_script},
    {"in-root", granary::enter_root},
    {"keep-links", granary::keep_links},
    {"watch-trial", granary::watch_trial},
    {"end-sysvinit", granary::end_sysvinit},
    {"check-settings", granary::check_settings},
};

std::string plain_name(const char* argv0) {
  std::string name = argv0;
  name = name.substr(name.rfind('/') + 1);
  return name.starts_with('@') ? name.substr(1) : name;
}
}  // namespace

int main(int argc, char** argv) {
  Arguments arguments(argv + 1, argv + argc);
  std::string name = argc > 0 ? plain_name(argv[0]) : "";
  if (name == "granary-init" && !arguments.empty()) {
    name = arguments.front();
    arguments.erase(arguments.begin());
  }
  for (const auto& [known, run] : kNames) {
    if (name == known) return run(arguments);
  }
  std::fprintf(stderr, "%s: not a name of granary-init: init, shutdown, granary-guest, granary-lease\n", name.c_str());
  return 2;
}
