// Assignments as a shell would read them, NAME=VALUE with its quotes, and nothing else: OpenNebula's context.sh is a
// script by name only. Never sourced: what would run something or look something up is left out and told of.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

struct ShellAssignments {
  std::map<std::string, std::string> values;
  std::vector<std::string> refused;  // "line 3: $ is not looked up: PATH"; at most 20

  // Empty if it was not said.
  std::string value(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }
};

// Quotes as in POSIX's shell, 2.2: '…', "…" with \ before $ ` " \ and line ends, \ outside; pieces stand together.
ShellAssignments parse_shell_assignments(ByteView text);

}  // namespace granary
