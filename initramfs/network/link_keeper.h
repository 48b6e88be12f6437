// LinkKeeper: a link that gets its carrier only after the start is set up as was planned, and one that gets it back
// asks whether its lease still holds; name servers that IPv6 routers advertise later are heeded. So a machine that had
// to start without a network from what it has cached finds it when the cable is plugged in. A process of its own, in
// the lasting root, named with a "@"; it sleeps until the kernel tells of a change.
#pragma once

#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

// Goes on with what bring_up_network has noted; nothing is started if it has noted nothing.
Status start_link_keeper();

// `granary-init keep-links`: that process. Returns only when it cannot listen.
int keep_links(const std::vector<std::string>& arguments);

}  // namespace granary
