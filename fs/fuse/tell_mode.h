// `granary-mount --tell MOUNTPOINT WORDS`: changes a live mount, or asks it, where there is no `granary`: in the root
// directory that the mount program of a booted machine has to itself.
#pragma once

#include <string>
#include <vector>

namespace granary {

// `arguments` follow "--tell". Prints the answer; returns the exit status; an error has been printed in one line.
int run_tell(const std::vector<std::string>& arguments);

}  // namespace granary
