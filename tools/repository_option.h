// --repo DIR in the place of a first word that names the repository: `granary export --repo /srv/sw v1` is
// `granary export /srv/sw v1`.
#pragma once

#include <string>

#include "tools/command.h"

namespace granary {

// Of a command whose first word goes to `where` and which takes `snapshot` as another word or option. Both strings
// outlive the parser.
void accept_repository_option(CLI::App& app, std::string& where, std::string& snapshot);

}  // namespace granary
