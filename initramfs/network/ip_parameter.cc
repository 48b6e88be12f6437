#include "initramfs/network/ip_parameter.h"

#include "initramfs/network/ip_address.h"
#include "initramfs/network/names.h"

namespace granary {

namespace {
enum Field : size_t {
  kClient,
  kServer,
  kGateway,
  kNetmask,
  kHostname,
  kDevice,
  kAutomatic,
  kDns,
  kDns2,
  kNtp,
  kFields
};

// Splits at colons that do not stand in brackets; drops the brackets.
std::vector<std::string> fields_of(const std::string& text) {
  std::vector<std::string> fields(1);
  bool bracketed = false;
  for (const char c : text) {
    if (c == '[' || c == ']')
      bracketed = c == '[';
    else if (c == ':' && !bracketed)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

bool is_automatic(const std::string& word) {
  return word == "dhcp" || word == "on" || word == "any" || word == "both" || word == "dhcp6" || word == "auto6";
}
bool is_fixed(const std::string& word) { return word.empty() || word == "off" || word == "none" || word == "static"; }

void ask_for(const std::string& word, LinkPlan& link) {
  link.dhcp6 = word == "dhcp6" || word == "auto6";
  link.dhcp = !link.dhcp6;
}

std::optional<unsigned> length_of(const IpAddress& address, const std::string& netmask) {
  if (!netmask.empty() && address.is_v4()) return parse_netmask(netmask);
  if (!netmask.empty()) {
    const auto prefix = IpPrefix::parse("::/" + netmask);
    return prefix ? std::optional(prefix->length) : std::nullopt;
  }
  if (!address.is_v4()) return 64;
  return address.bytes[0] < 128 ? 8 : address.bytes[0] < 192 ? 16 : 24;
}

Error wrong(const std::string& parameter, const std::string& why) {
  return {Code::kInvalid, "ip=" + printable(parameter) + ": " + why +
                              "; it is CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS:DNS:NTP, or dhcp"};
}

Status add(const std::string& parameter, NetworkPlan& plan) {
  auto fields = fields_of(parameter);
  LinkPlan link;
  if (fields.size() <= 3 && is_automatic(fields[0])) {
    ask_for(fields[0], link);
    if (link.dhcp6) plan.links.push_back(link);
    return Done{};  // every link, which is what a plan without links means
  }
  if (fields.size() == 1 && is_fixed(fields[0])) return Done{};
  if (fields.size() <= 3 && fields.size() > 1 && is_automatic(fields[1])) {
    if (!is_link_name(fields[0])) return wrong(parameter, "no such link can be");
    link.device = fields[0];
    ask_for(fields[1], link);
    plan.links.push_back(link);
    return Done{};
  }
  if (fields.size() > kFields) return wrong(parameter, "too many fields");
  fields.resize(kFields);
  if (!fields[kDevice].empty() && !is_link_name(fields[kDevice])) return wrong(parameter, "no such link can be");
  link.device = fields[kDevice];
  if (is_automatic(fields[kAutomatic]))
    ask_for(fields[kAutomatic], link);
  else if (!is_fixed(fields[kAutomatic]))
    return wrong(parameter, "\"" + printable(fields[kAutomatic]) + "\" is none of dhcp, on, any, off, none");
  if (!fields[kClient].empty()) {
    const auto address = IpAddress::parse(fields[kClient]);
    if (!address || !address->is_of_a_host()) return wrong(parameter, "CLIENT is not the address of a host");
    const auto length = length_of(*address, fields[kNetmask]);
    if (!length) return wrong(parameter, "NETMASK is not one");
    if (!link.dhcp && !link.dhcp6) link.addresses.push_back(IpPrefix{*address, *length}.text());
  }
  if (link.addresses.empty() && !link.dhcp && !link.dhcp6)
    return wrong(parameter, "neither CLIENT nor AUTOCONF is said");
  if (!fields[kGateway].empty()) {
    const auto gateway = IpAddress::parse(fields[kGateway]);
    if (!gateway || !gateway->is_of_a_host()) return wrong(parameter, "GATEWAY is not the address of a host");
    link.gateways.push_back(gateway->text());
  }
  for (const Field field : {kDns, kDns2}) {
    if (fields[field].empty()) continue;
    const auto server = IpAddress::parse(fields[field]);
    if (!server || !server->is_of_a_host()) return wrong(parameter, "DNS is not the address of a host");
    plan.dns.push_back(server->text());
  }
  if (!fields[kNtp].empty()) plan.ntp.push_back(fields[kNtp]);
  if (const std::string& name = fields[kHostname]; !name.empty()) {
    if (!is_dns_name(name)) return wrong(parameter, "HOSTNAME is not one");
    plan.hostname = name;
  }
  plan.links.push_back(link);
  return Done{};
}
}  // namespace

Result<NetworkPlan> parse_ip_parameters(const std::vector<std::string>& parameters) {
  NetworkPlan plan;
  plan.origin = kIpParameter;
  for (const std::string& parameter : parameters) TRY(add(parameter, plan));
  return plan;
}

}  // namespace granary
