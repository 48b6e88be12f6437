// Where our other programs are.
#pragma once

#include <string>

#include "fs/base/result.h"

namespace granary {

// Beside this program, else where packages put helpers. kNotFound when the package is incomplete.
Result<std::string> find_program(const std::string& name);

}  // namespace granary
