// What every plan for a network promises, whoever it is from.
#pragma once

#include "fuzz/fuzz.h"
#include "initramfs/network/ip_address.h"
#include "initramfs/network/names.h"
#include "initramfs/network/network.h"

namespace granary {

inline void check_plan(const Result<NetworkPlan>& plan) {
  if (!plan) {
    promise(!plan.error().message.empty() && plan.error().message.find('\n') == std::string::npos,
            "an error is a line");
    return;
  }
  for (const LinkPlan& link : plan->links) {
    promise(link.device.empty() || is_link_name(link.device), "a device is a link's name");
    promise(link.mac.empty() || is_mac(link.mac), "a MAC is one");
    promise(link.mtu <= 65535, "an MTU is one");
    for (const std::string& address : link.addresses) promise(bool(IpPrefix::parse(address)), "an address is one");
    for (const std::string& gateway : link.gateways) promise(bool(IpAddress::parse(gateway)), "a gateway is one");
    for (const auto& route : link.routes)
      promise(IpPrefix::parse(route.to) && IpAddress::parse(route.by), "a route is one");
  }
  for (const std::string& server : plan->dns) promise(bool(IpAddress::parse(server)), "a server is an address");
  for (const std::string& domain : plan->search) promise(is_dns_name(domain), "a domain is a name");
}

}  // namespace granary
