// Changes of a running machine that its mount takes at once, without a reader noticing: name servers, proxies, and the
// files that are kept at hand for a day without network.
#pragma once

#include <string>
#include <vector>

#include "fs/base/result.h"
#include "initramfs/machine.h"

namespace granary {

// The mount program's, and the OS's if they are still those that init wrote.   kInvalid: not addresses
Status change_name_servers(const std::vector<std::string>& addresses);
// As granary mount --proxy has it. Until the next start: granary.proxy and the context say what holds then.
Status change_proxies(const std::string& list);

// Begins to record what is touched, for a profile of this start.
Status start_recording();
// Ends it, and writes the trace to `path` (mode 0600: it tells what was read).
Status stop_recording(const std::string& path);

// Fetches what repairs a network (a shell, ip, the OS's network programs, and what the tree names in
// /usr/lib/granary/pinfiles) into the cache for good. How many paths.
Result<size_t> keep_repair_files(const StartedMachine& machine);

}  // namespace granary
