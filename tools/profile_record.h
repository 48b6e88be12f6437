// The parts of `granary profile` that talk to a live mount: record, start, stop.
#pragma once

#include "tools/command.h"

namespace granary {

// Each declares options and arguments on the sub-command's `app`, as Command::define does.
Action define_profile_record(CLI::App& app);
Action define_profile_start(CLI::App& app);
Action define_profile_stop(CLI::App& app);

}  // namespace granary
