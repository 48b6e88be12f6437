// `granary-mount --resolve [OPTIONS] URL`: which snapshot a mount with these options would show. Verified like a mount,
// the versions seen are remembered like a mount's; mounts nothing.
#pragma once

#include <string>
#include <vector>

namespace granary {

// `arguments` follow "--resolve". Prints one line of JSON (docs/operations.md, 7); returns the exit status; an error
// has been printed in one line.
int run_resolve(const std::vector<std::string>& arguments);

}  // namespace granary
