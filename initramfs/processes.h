// Processes by what they are called.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace granary {

// Those whose argv[0] fits, but not process 1 and ourselves. Needs /proc.
std::vector<pid_t> processes_called(const std::function<bool(const std::string&)>& fits);

}  // namespace granary
