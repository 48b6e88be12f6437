// `granary-mount --fetch URL`: one document over HTTP, for a program that does not link a library for it (the micro
// image's init). Mounts nothing.
#pragma once

#include <string>
#include <vector>

namespace granary {

// `arguments` follow "--fetch". Returns the exit status; an error has been printed in one line.
int run_fetch(const std::vector<std::string>& arguments);

}  // namespace granary
