// Where our other programs are: beside this one (a build, /usr/local/bin), or in $GRANARY_LIBEXEC.
#pragma once

#include <string>

namespace granary {

std::string program_path(const std::string& name);

}  // namespace granary
