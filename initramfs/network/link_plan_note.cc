#include "initramfs/network/link_plan_note.h"

#include <algorithm>

namespace granary {

Json json_of(const LinkPlan& link) {
  Json routes = Json::array();
  for (const auto& route : link.routes) routes.push_back({{"to", route.to}, {"by", route.by}});
  return {
      {"device", link.device},       {"mac", link.mac},           {"dhcp", link.dhcp},           {"dhcp6", link.dhcp6},
      {"addresses", link.addresses}, {"gateways", link.gateways}, {"routes", std::move(routes)}, {"mtu", link.mtu}};
}

LinkPlan link_plan_of(const Json& json) {
  LinkPlan link;
  link.device = text_of(json, "device");
  link.mac = text_of(json, "mac");
  link.dhcp = flag_of(json, "dhcp");
  link.dhcp6 = flag_of(json, "dhcp6");
  link.addresses = texts_of(json, "addresses");
  link.gateways = texts_of(json, "gateways");
  if (const Json& routes = member_of(json, "routes"); routes.is_array())
    for (const Json& route : routes) link.routes.push_back({text_of(route, "to"), text_of(route, "by")});
  link.mtu = static_cast<uint32_t>(std::min<uint64_t>(number_of(json, "mtu").value_or(0), 65535));
  return link;
}

}  // namespace granary
