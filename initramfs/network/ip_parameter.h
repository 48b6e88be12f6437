// The kernel's own parameter ip= (Documentation/admin-guide/nfs/nfsroot.rst), which may be said several times, once a
// link: CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS:DNS:NTP; also dhcp, on, any (every link by DHCP),
// and DEVICE:dhcp, as initramfs programs have it. IPv6 addresses stand in brackets. Without a netmask, the address's
// old class decides, as in the kernel.
#pragma once

#include "initramfs/network/network.h"

namespace granary {

inline constexpr const char* kIpParameter = "ip=";  // the origin of such plans

// kInvalid: the message names the parameter and what is wrong with it.
Result<NetworkPlan> parse_ip_parameters(const std::vector<std::string>& parameters);

}  // namespace granary
