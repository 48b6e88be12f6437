// `granary-guest`: what the running OS asks its micro image, and tells it.
#pragma once

#include <string>
#include <vector>

namespace granary {

// Its exit status: 0, 2 for a wrong command line, else that of an Error's Code.
int run_guest(const std::vector<std::string>& arguments);

}  // namespace granary
