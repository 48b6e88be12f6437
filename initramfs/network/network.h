// The network: links brought up and configured, and kept so. Foreign: everything a lease says is parsed, never run.
#pragma once

#include <string>
#include <vector>

#include "initramfs/settings.h"

namespace granary {

// How one link is to be set up, whoever says so: ip=, ConfigDrive's network_data.json, OpenNebula, NoCloud's
// network-config.
struct LinkPlan {
  std::string device;  // empty: not named
  std::string mac;     // lower case with colons; empty: not known. Device or MAC chooses the link; neither: the first
  bool dhcp = false;
  bool dhcp6 = false;                  // or router advertisements
  std::vector<std::string> addresses;  // "192.0.2.7/24", "2001:db8::7/64"
  std::vector<std::string> gateways;   // of either family
  struct Route {
    std::string to, by;  // "10.0.0.0/8", "192.0.2.1"
  };
  std::vector<Route> routes;
  uint32_t mtu = 0;  // 0: as it is
};

struct NetworkPlan {
  std::vector<LinkPlan> links;  // empty: DHCP on every link
  std::vector<std::string> dns, search, ntp;
  std::string hostname;
  std::string origin;  // for people
  bool says_anything() const { return !links.empty() || !dns.empty(); }
};

// What the network is now.
struct Network {
  struct Link {
    std::string device, mac;
    std::vector<std::string> addresses;
    std::string how;  // "DHCP from 10.0.2.2", "static (ip=)", "no carrier"
  };
  std::vector<Link> links;
  std::vector<std::string> dns, search, ntp;
  std::string hostname;                 // as DHCP told
  std::string dhcp_server;              // CloudStack's metadata lie there
  bool up = false;                      // some link has an address
  std::vector<std::string> complaints;  // what was not taken of leases and plans, a line each
};

// By ip= in `settings`, else by `plan`, else by DHCP on every link; waits for carrier and lease at most
// settings.network_timeout in all. Writes paths::kResolver, and makes /etc/resolv.conf a link to it unless there is
// one. The DHCP clients stay, in the lasting root, and renew; after a failure none is left. What start_link_keeper goes
// on with is noted in either case.
//   kUnavailable  no link, no carrier or no lease: the message says which, for each link
//   kInvalid      what was said of the network cannot be: the message names it
Result<Network> bring_up_network(const Settings& settings, const NetworkPlan& plan);

// `granary-lease EVENT`, as udhcpc calls its script, with the lease in the environment and the lasting root as root
// directory: applies it and notes it. The event is the last of `arguments`. Returns the exit status.
int run_lease_script(const std::vector<std::string>& arguments);

}  // namespace granary
