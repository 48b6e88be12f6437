// LinkConfiguration: what one link shall have, made of a lease or of a plan, and handed to the kernel.
#pragma once

#include <string>
#include <vector>

#include "initramfs/network/lease.h"
#include "initramfs/network/network.h"
#include "initramfs/network/route_socket.h"

namespace granary {

struct LinkConfiguration {
  int index = 0;
  std::vector<IpPrefix> addresses;
  std::vector<RouteEntry> routes;
  uint32_t mtu = 0;
};

// Several default routes get rising metrics, and those of earlier links lower ones. A gateway that no address's network
// holds (a /32, as on GCE) is said to be on the link.
LinkConfiguration configuration_of(const Lease& lease, int index);
// What the plan says that is no address is left out and told of in `problems`.
LinkConfiguration configuration_of(const LinkPlan& plan, int index, std::vector<std::string>& problems);

// Takes from the link what `before` had and `wanted` has not, and gives it all of `wanted`. Goes on after a refusal.
// Returns what the kernel refused, a line each.
std::vector<std::string> apply(RouteSocket& kernel, const LinkConfiguration& wanted, const LinkConfiguration& before);

}  // namespace granary
