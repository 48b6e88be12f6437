// Lease: what a DHCP server said about one link, checked value by value. It comes in the environment of udhcpc's script
// (busybox, networking/udhcp) and is kept as a note, a JSON file, in which bring_up_network finds it. Foreign: whatever
// does not look as it must is left out and told of; nothing is ever run or sourced.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "initramfs/network/ip_address.h"

namespace granary {

struct Lease {
  struct Route {
    IpPrefix to;
    IpAddress by;  // unspecified: straight on the link
    bool operator==(const Route&) const = default;
  };

  std::string device;
  std::optional<IpPrefix> address;    // nothing: only what else was said (stateless DHCPv6)
  std::vector<IpAddress> routers;     // best first
  std::vector<Route> routes;          // classless (RFC 3442); if there are any, the routers do not count
  uint32_t mtu = 0;                   // 0: not said
  std::vector<std::string> dns, ntp;  // addresses
  std::vector<std::string> search;    // domains
  std::string hostname, server;
  uint32_t lease_seconds = 0;        // 0: not said
  std::vector<std::string> refused;  // "router: not an address: \"…\""; for the log

  bool operator==(const Lease&) const = default;
};

// As udhcpc and udhcpc6 name things: interface, ip, mask, subnet, router, staticroutes, msstaticroutes, mtu, dns,
// domain, search, ntpsrv, hostname, serverid, lease; ipv6.
//   kInvalid  not a lease: no proper link, or no proper address
Result<Lease> parse_lease(const std::map<std::string, std::string>& environment);

Bytes serialise(const Lease& lease);
//   kInvalid, kCorrupt  not what serialise made
Result<Lease> parse_lease_note(ByteView bytes);

}  // namespace granary
