// Where the parts of a micro image lie: programs that tools/micro makes, and the tiny kernel.
#pragma once

#include <string>
#include <vector>

namespace granary {

// The folders in which they may lie, the first that has a part counts:
// $GRANARY_MICRO_PARTS, or, without it, lib/granary/micro beside the installed program and build/micro/parts of the
// source tree.
std::vector<std::string> micro_folders();

}  // namespace granary
