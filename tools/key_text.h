// Keys and roots, told to people and to scripts.
#pragma once

#include <string>

#include "fs/format/root.h"

namespace granary {

// "root 2 of sw.example.org …", then a line for each key of each role.
std::string describe_root(const Root& root);

}  // namespace granary
