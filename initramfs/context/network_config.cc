#include "initramfs/context/network_config.h"

#include <algorithm>

#include "initramfs/context/small_yaml.h"
#include "initramfs/network/ip_address.h"
#include "initramfs/network/names.h"

namespace granary {

namespace {
constexpr size_t kMostLinks = 64;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Numbers stand as such in JSON, as texts in our YAML.
uint32_t small_number(const Json& value) {
  uint64_t number = 0;
  if (value.is_number_unsigned()) number = value.get<uint64_t>();
  if (value.is_string()) {
    for (const char c : value.get<std::string>()) {
      if (c < '0' || c > '9' || number > UINT32_MAX) return 0;
      number = 10 * number + static_cast<uint64_t>(c - '0');
    }
  }
  return number <= 65535 ? static_cast<uint32_t>(number) : 0;
}

bool is_yes(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  const std::string word = lower(text_of(value));
  return word == "true" || word == "yes" || word == "on";
}

void add_all(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& one : more)
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

// Words in one text, or a list of texts.
std::vector<std::string> words_of(const Json& object, const char* key) {
  std::vector<std::string> words;
  for (const std::string& text : texts_of(object, key)) {
    for (size_t begin = 0; (begin = text.find_first_not_of(" ,", begin)) != std::string::npos;) {
      const size_t end = std::min(text.find_first_of(" ,", begin), text.size());
      words.push_back(text.substr(begin, end - begin));
      begin = end;
    }
  }
  return words;
}

// "192.0.2.7" and "255.255.255.0" (or "24"), or "192.0.2.7/24", as the latter.
std::string with_length(const std::string& address, const Json& netmask) {
  if (address.find('/') != std::string::npos) return address;
  std::string mask = text_of(netmask);
  if (netmask.is_number_unsigned()) mask = std::to_string(netmask.get<uint64_t>());
  if (const auto parsed = IpAddress::parse(address); parsed && !parsed->is_v4() && !mask.empty()) {
    if (const auto as_address = IpAddress::parse(mask)) {  // "ffff:ffff:ffff:ffff::"
      unsigned length = 0;
      for (const uint8_t byte : as_address->bytes) length += static_cast<unsigned>(__builtin_popcount(byte));
      mask = std::to_string(length);
    }
    return address + "/" + mask;
  }
  const auto length = parse_netmask(mask);
  return length ? address + "/" + std::to_string(*length) : address;
}

bool is_default(const std::string& to) {
  const auto prefix = IpPrefix::parse(to);
  return to == "default" || (prefix && prefix->length == 0);
}

void add_route(LinkPlan& link, const std::string& to, const std::string& by) {
  if (by.empty()) return;
  if (is_default(to))
    add_all(link.gateways, {by});
  else
    link.routes.push_back({to, by});
}

void add_routes(LinkPlan& link, const Json& routes) {
  if (!routes.is_array()) return;
  for (const Json& route : routes) {
    std::string to = text_of(route, "to");
    if (to.empty()) to = text_of(route, "network");
    if (to.empty()) to = text_of(route, "destination");
    std::string by = text_of(route, "via");
    if (by.empty()) by = text_of(route, "gateway");
    add_route(link, to == "default" ? to : with_length(to, member_of(route, "netmask")), by);
  }
}

Error unsupported(const std::string& origin, const std::string& what) {
  return {Code::kUnsupported,
          origin + ": " + what +
              " cannot be set up here; say the boot network with ip= or as plain links, and leave the "
              "rest to the OS"};
}

// Version 1: a list of things with a type each.
Status add_subnet(const Json& subnet, LinkPlan& link, NetworkPlan& plan, const std::string& origin) {
  const std::string type = text_of(subnet, "type");
  if (type == "dhcp" || type == "dhcp4")
    link.dhcp = true;
  else if (type == "dhcp6" || type == "ipv6_slaac" || type.starts_with("ipv6_dhcpv6"))
    link.dhcp6 = true;
  else if (type == "static" || type == "static6")
    link.addresses.push_back(with_length(text_of(subnet, "address"), member_of(subnet, "netmask")));
  else if (type != "manual")
    return unsupported(origin, "the subnet type \"" + printable(type) + "\"");
  if (const std::string gateway = text_of(subnet, "gateway"); !gateway.empty()) add_all(link.gateways, {gateway});
  add_routes(link, member_of(subnet, "routes"));
  add_all(plan.dns, words_of(subnet, "dns_nameservers"));
  add_all(plan.search, words_of(subnet, "dns_search"));
  return Done{};
}

Status add_entry(const Json& entry, NetworkPlan& plan, const std::string& origin) {
  const std::string type = text_of(entry, "type");
  if (type == "nameserver") {
    add_all(plan.dns, words_of(entry, "address"));
    add_all(plan.search, words_of(entry, "search"));
    return Done{};
  }
  if (type == "loopback") return Done{};
  if (type != "physical") return unsupported(origin, "\"" + printable(type) + "\"");
  LinkPlan link;
  link.device = text_of(entry, "name");
  link.mac = lower(text_of(entry, "mac_address"));
  link.mtu = small_number(member_of(entry, "mtu"));
  if (const Json& subnets = member_of(entry, "subnets"); subnets.is_array())
    for (const Json& subnet : subnets) TRY(add_subnet(subnet, link, plan, origin));
  plan.links.push_back(std::move(link));
  return Done{};
}

// Version 2, netplan's.
Status add_ethernet(const std::string& name, const Json& entry, NetworkPlan& plan, const std::string& origin) {
  static constexpr const char* kKnown[] = {"match",           "set-name", "dhcp4",           "dhcp6",
                                           "addresses",       "gateway4", "gateway6",        "routes",
                                           "nameservers",     "mtu",      "optional",        "accept-ra",
                                           "wakeonlan",       "renderer", "dhcp-identifier", "dhcp4-overrides",
                                           "dhcp6-overrides", "critical", "link-local",      "optional-addresses",
                                           "ipv6-privacy"};
  if (!entry.is_object()) return Error{Code::kInvalid, origin + ": " + printable(name) + " says nothing"};
  for (auto member = entry.begin(); member != entry.end(); ++member) {
    const auto is_it = [&](const char* known) { return member.key() == known; };
    if (std::none_of(std::begin(kKnown), std::end(kKnown), is_it))
      return unsupported(origin, "\"" + printable(member.key()) + "\" of " + printable(name));
  }
  LinkPlan link;
  const Json& match = member_of(entry, "match");
  link.mac = lower(text_of(match, "macaddress"));
  link.device = match.is_object() ? text_of(match, "name") : name;
  if (link.device.find_first_of("*?[") != std::string::npos) link.device.clear();  // any: the first that is left
  link.dhcp = is_yes(member_of(entry, "dhcp4"));
  link.dhcp6 = is_yes(member_of(entry, "dhcp6"));
  link.mtu = small_number(member_of(entry, "mtu"));
  link.addresses = texts_of(entry, "addresses");
  for (const char* key : {"gateway4", "gateway6"})
    if (const std::string gateway = text_of(entry, key); !gateway.empty()) add_all(link.gateways, {gateway});
  add_routes(link, member_of(entry, "routes"));
  add_all(plan.dns, words_of(member_of(entry, "nameservers"), "addresses"));
  add_all(plan.search, words_of(member_of(entry, "nameservers"), "search"));
  plan.links.push_back(std::move(link));
  return Done{};
}

Status add_version_2(const Json& config, NetworkPlan& plan, const std::string& origin) {
  for (const char* other : {"bonds", "bridges", "vlans", "wifis", "tunnels", "vrfs", "modems"})
    if (!member_of(config, other).is_null()) return unsupported(origin, other);
  const Json& ethernets = member_of(config, "ethernets");
  if (!ethernets.is_object()) return Done{};
  for (const auto& [name, entry] : ethernets.items()) TRY(add_ethernet(name, entry, plan, origin));
  return Done{};
}

// What is no name, MAC or address must not get further.
Result<NetworkPlan> checked(NetworkPlan plan, const std::string& origin) {
  if (plan.links.size() > kMostLinks) return Error{Code::kInvalid, origin + ": more links than a machine has"};
  for (const LinkPlan& link : plan.links) {
    if (!link.device.empty() && !is_link_name(link.device))
      return Error{Code::kInvalid, origin + ": \"" + printable(link.device) + "\" is no link's name"};
    if (!link.mac.empty() && !is_mac(link.mac))
      return Error{Code::kInvalid, origin + ": \"" + printable(link.mac) + "\" is no MAC address"};
    for (const std::string& address : link.addresses) {
      const auto prefix = IpPrefix::parse(address);
      if (!prefix || !prefix->address.is_of_a_host())
        return Error{Code::kInvalid, origin + ": \"" + printable(address) + "\" is no address of a host"};
    }
    for (const std::string& gateway : link.gateways)
      if (!IpAddress::parse(gateway))
        return Error{Code::kInvalid, origin + ": the gateway \"" + printable(gateway) + "\" is no address"};
    for (const LinkPlan::Route& route : link.routes)
      if (!IpPrefix::parse(route.to) || !IpAddress::parse(route.by))
        return Error{Code::kInvalid, origin + ": \"" + printable(route.to + " by " + route.by) + "\" is no route"};
  }
  std::erase_if(plan.dns, [](const std::string& server) { return !IpAddress::parse(server); });
  std::erase_if(plan.search, [](const std::string& domain) { return !is_dns_name(domain); });
  return plan;
}

// Of network_data.json: what one of its networks says of its link.
Status add_network(const Json& network, LinkPlan& link, NetworkPlan& plan, const std::string& origin) {
  const std::string type = text_of(network, "type");
  if (type == "ipv4_dhcp")
    link.dhcp = true;
  else if (type == "ipv6_dhcp" || type == "ipv6_slaac" || type.starts_with("ipv6_dhcpv6"))
    link.dhcp6 = true;
  else if (type == "ipv4" || type == "ipv6")
    link.addresses.push_back(with_length(text_of(network, "ip_address"), member_of(network, "netmask")));
  else
    return unsupported(origin, "the network type \"" + printable(type) + "\"");
  if (const std::string gateway = text_of(network, "gateway"); !gateway.empty()) add_all(link.gateways, {gateway});
  add_routes(link, member_of(network, "routes"));
  add_all(plan.dns, words_of(network, "dns_nameservers"));
  return Done{};
}

void add_services(const Json& services, NetworkPlan& plan) {
  if (!services.is_array()) return;
  for (const Json& service : services) {
    if (text_of(service, "type") == "dns") add_all(plan.dns, words_of(service, "address"));
    if (text_of(service, "type") == "ntp") add_all(plan.ntp, words_of(service, "address"));
  }
}
}  // namespace

Result<NetworkPlan> parse_network_config(ByteView text, const std::string& origin) {
  const Json whole = TRY(parse_small_yaml(text, origin));
  const Json& config = member_of(whole, "network").is_object() ? member_of(whole, "network") : whole;
  NetworkPlan plan;
  plan.origin = origin;
  if (config.is_null()) return plan;
  const uint32_t version = small_number(member_of(config, "version"));
  if (text_of(config, "config") == "disabled") return plan;
  if (version == 2) {
    TRY(add_version_2(config, plan, origin));
    return checked(std::move(plan), origin);
  }
  if (version != 1) return Error{Code::kInvalid, origin + ": neither version 1 nor 2"};
  if (const Json& entries = member_of(config, "config"); entries.is_array())
    for (const Json& entry : entries) TRY(add_entry(entry, plan, origin));
  return checked(std::move(plan), origin);
}

Result<NetworkPlan> parse_network_data(ByteView text, const std::string& origin) {
  const Json data = TRY(parse_json(text, origin));
  NetworkPlan plan;
  plan.origin = origin;
  const Json& links = member_of(data, "links");
  const Json& networks = member_of(data, "networks");
  add_services(member_of(data, "services"), plan);
  if (!links.is_array()) return checked(std::move(plan), origin);
  for (const Json& entry : links) {
    const std::string type = text_of(entry, "type");
    if (type == "bond" || type == "vlan") return unsupported(origin, type);
    LinkPlan link;
    link.mac = lower(text_of(entry, "ethernet_mac_address"));
    link.mtu = small_number(member_of(entry, "mtu"));
    if (networks.is_array())
      for (const Json& network : networks) {
        if (text_of(network, "link") != text_of(entry, "id")) continue;
        TRY(add_network(network, link, plan, origin));
        add_services(member_of(network, "services"), plan);
      }
    if (link.dhcp || link.dhcp6 || !link.addresses.empty()) plan.links.push_back(std::move(link));
  }
  return checked(std::move(plan), origin);
}

}  // namespace granary
