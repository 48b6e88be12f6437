// What of an entry differs between two states of it, in words: for reports on differences. A pure function.
#pragma once

#include <string>
#include <vector>

#include "fs/format/node.h"

namespace granary {

// Of type, content, target, device, mode, owner, mtime, xattrs those that differ, in this order. How many names a file
// has is not the node's: who compares entries looks at that.
std::vector<std::string> changed_parts(const Node& before, const Node& after);

}  // namespace granary
