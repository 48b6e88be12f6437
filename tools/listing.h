// Entries as people and scripts read them.
#pragma once

#include "fs/format/node.h"
#include "tools/command.h"

namespace granary {

std::string mode_text(const Node& node);  // "drwxr-xr-x", "-rwsr-xr-x"
// "-rw-r--r-- 0 0 1234 2026-11-21T08:00:00Z etc/motd", with " -> target" for symbolic links.
std::string long_line(const Entry& entry, const Bytes& path);
OrderedJson entry_json(const Entry& entry, const Bytes& path);

}  // namespace granary
