// `granary`: the command line. See tools/command.h for how a command is made.
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "fs/base/log.h"
#include "tools/command.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  granary::log::set_level(granary::log::Level::kWarn);
  granary::Io io{std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1};
  return granary::run_granary({argv + 1, argv + argc}, io);
}
