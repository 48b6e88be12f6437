// `granary-mount` and, under the name mount.granary, the helper of mount(8).
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "fs/fuse/built_in_names.h"
#include "fs/fuse/fetch_mode.h"
#include "fs/fuse/mount_arguments.h"
#include "fs/fuse/mount_program.h"
#include "fs/fuse/resolve_mode.h"
#include "fs/fuse/supervisor.h"
#include "fs/fuse/tell_mode.h"
#include "fs/fuse/worker.h"

namespace {
constexpr int kWrongCommandLine = 2;

// How the program calls itself: as the worker of a supervisor, and as the supervisor that takes over from another.
std::optional<int> descriptor_after(const char* word, int argc, char** argv) {
  if (argc < 3 || std::strcmp(argv[1], word) != 0) return std::nullopt;
  return std::atoi(argv[2]);
}

// What it does besides mounting, by the first word.
struct Mode {
  const char* word;
  int (*run)(const std::vector<std::string>& arguments);
};
constexpr Mode kModes[] = {
    {"--fetch", granary::run_fetch}, {"--resolve", granary::run_resolve}, {"--tell", granary::run_tell}};

const Mode* find_mode(const std::vector<std::string>& arguments) {
  for (const Mode& mode : kModes) {
    if (!arguments.empty() && arguments.front() == mode.word) return &mode;
  }
  return nullptr;
}

bool is_helper(const std::string& program) { return program.substr(program.rfind('/') + 1) == "mount.granary"; }
}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  granary::keep_to_built_in_names();
  if (const auto channel = descriptor_after("--worker", argc, argv))
    return granary::run_worker(*channel, GRANARY_VERSION);
  if (const auto state = descriptor_after("--supervise", argc, argv))
    return granary::supervise_on(*state, GRANARY_VERSION);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (const auto mode = find_mode(arguments))
    return mode->run(std::vector<std::string>(arguments.begin() + 1, arguments.end()));
  const auto options =
      is_helper(argv[0]) ? granary::parse_helper_arguments(arguments) : granary::parse_mount_arguments(arguments);
  if (!options) {
    std::fprintf(stderr, "granary-mount: %s; see granary-mount --help\n", options.error().message.c_str());
    return kWrongCommandLine;
  }
  if (options->help) return std::fputs(granary::mount_help().c_str(), stdout) < 0;
  if (options->version) return std::puts("granary-mount " GRANARY_VERSION) < 0;
  return granary::run_mount_program(*options, GRANARY_VERSION);
}
