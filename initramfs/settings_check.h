// `granary-init check-settings`: what `granary micro build` asks before it bakes settings into an image.
#pragma once

#include <string>
#include <vector>

namespace granary {

// Reads an image's own file from standard input and prints what is wrong with it, a line each. 0 if nothing is, else 1.
int check_settings(const std::vector<std::string>& arguments);

}  // namespace granary
