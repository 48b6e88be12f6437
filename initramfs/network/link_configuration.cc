#include "initramfs/network/link_configuration.h"

#include <sys/socket.h>
#include <algorithm>

namespace granary {

namespace {
bool is_within_reach(const LinkConfiguration& link, const IpAddress& gateway) {
  if (!gateway.is_v4() && gateway.is_link_local()) return true;
  return std::any_of(link.addresses.begin(), link.addresses.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(gateway); });
}

void add_route(LinkConfiguration& link, const IpPrefix& to, const IpAddress& by, uint32_t metric) {
  RouteEntry route{to.network(), std::nullopt, link.index, metric, false};
  if (!by.is_unspecified()) {
    route.by = by;
    route.on_link = !is_within_reach(link, by);
  }
  link.routes.push_back(route);
}

IpPrefix everywhere(const IpAddress& gateway) { return *IpPrefix::parse(gateway.is_v4() ? "0.0.0.0/0" : "::/0"); }

void add_gateways(LinkConfiguration& link, const std::vector<IpAddress>& gateways) {
  uint32_t metric = 10 * static_cast<uint32_t>(link.index);
  for (const IpAddress& gateway : gateways) add_route(link, everywhere(gateway), gateway, metric++);
}

template <class T>
bool has(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}
}  // namespace

LinkConfiguration configuration_of(const Lease& lease, int index) {
  LinkConfiguration link;
  link.index = index;
  link.mtu = lease.mtu;
  if (!lease.address) return link;
  link.addresses.push_back(*lease.address);
  const uint32_t metric = 10 * static_cast<uint32_t>(index);
  for (const Lease::Route& route : lease.routes) add_route(link, route.to, route.by, metric);
  if (lease.routes.empty()) add_gateways(link, lease.routers);
  return link;
}

LinkConfiguration configuration_of(const LinkPlan& plan, int index, std::vector<std::string>& problems) {
  LinkConfiguration link;
  link.index = index;
  link.mtu = plan.mtu;
  for (const std::string& text : plan.addresses) {
    const auto prefix = IpPrefix::parse(text);
    if (prefix && prefix->address.is_of_a_host())
      link.addresses.push_back(*prefix);
    else
      problems.push_back("\"" + printable(text) + "\" is not the address of a host");
  }
  std::vector<IpAddress> gateways;
  for (const std::string& text : plan.gateways) {
    const auto gateway = IpAddress::parse(text);
    if (gateway && gateway->is_of_a_host())
      gateways.push_back(*gateway);
    else
      problems.push_back("the gateway \"" + printable(text) + "\" is not the address of a host");
  }
  add_gateways(link, gateways);
  for (const LinkPlan::Route& route : plan.routes) {
    const auto to = IpPrefix::parse(route.to);
    const auto by = IpAddress::parse(route.by);
    if (to && by && to->address.family == by->family)
      add_route(link, *to, *by, 10 * static_cast<uint32_t>(index));
    else
      problems.push_back("\"" + printable(route.to) + "\" by \"" + printable(route.by) + "\" is not a route");
  }
  return link;
}

std::vector<std::string> apply(RouteSocket& kernel, const LinkConfiguration& wanted, const LinkConfiguration& before) {
  std::vector<std::string> refused;
  const auto note = [&](const Status& status) {
    if (!status) refused.push_back(status.error().message);
  };
  if (wanted.mtu != 0) note(kernel.set_mtu(wanted.index, wanted.mtu));
  for (const RouteEntry& route : before.routes)
    if (!has(wanted.routes, route)) note(kernel.remove_route(route));
  // First what goes: the kernel takes a network's later addresses along with its first.
  for (const IpPrefix& address : before.addresses)
    if (!has(wanted.addresses, address)) note(kernel.remove_address(wanted.index, address));
  for (const IpPrefix& address : wanted.addresses) note(kernel.add_address(wanted.index, address));
  // Straight routes first: others may lead by what they reach.
  for (const bool straight : {true, false})
    for (const RouteEntry& route : wanted.routes)
      if (straight != route.by.has_value()) note(kernel.add_route(route));
  return refused;
}

}  // namespace granary
