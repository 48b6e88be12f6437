// What a directory holds.
#pragma once

#include <string>
#include <vector>

namespace granary {

// The names in it but "." and "..", in the order in which the kernel has them; none when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);

}  // namespace granary
