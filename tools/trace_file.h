// A recorded trace as a file.
#pragma once

#include "fs/format/profile_trace.h"

namespace granary {

//   kNotFound, kPermission  it cannot be read
//   kInvalid                it is too long, cut short, or something else
Result<Trace> load_trace(const std::string& path);

}  // namespace granary
