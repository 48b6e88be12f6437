#include "initramfs/network/lease.h"

#include <algorithm>

#include "initramfs/json_reading.h"
#include "initramfs/network/names.h"

namespace granary {

namespace {
constexpr size_t kMostOfAKind = 16;  // routers, servers, domains
constexpr size_t kMostRoutes = 128;
constexpr size_t kMostValueBytes = 8192;  // a DHCP message has less
constexpr uint32_t kLeastMtu = 576, kMostMtu = 65535;

// udhcpc puts this where a name was none.
constexpr std::string_view kNoName = "bad";

bool is_name(std::string_view text) { return text != kNoName && is_dns_name(text); }

// What the server said under one name after the other.
class LeaseReader {
 public:
  explicit LeaseReader(const std::map<std::string, std::string>& environment) : environment_(environment) {}

  std::string value(const char* name) {
    const auto found = environment_.find(name);
    if (found == environment_.end()) return {};
    const std::string& text = found->second;
    const bool controls = std::any_of(text.begin(), text.end(), [](char c) { return c >= 0 && (c < ' ' || c == 127); });
    if (text.size() <= kMostValueBytes && !controls) return text;
    refuse(name, controls ? "control characters" : "too long", text.substr(0, 32));
    return {};
  }

  std::vector<std::string> words(const char* name, size_t most) {
    std::vector<std::string> words;
    const std::string text = value(name);
    for (size_t begin = 0; (begin = text.find_first_not_of(' ', begin)) != std::string::npos;) {
      const size_t end = std::min(text.find(' ', begin), text.size());
      if (words.size() == most) {
        refuse(name, "too many", "");
        break;
      }
      words.push_back(text.substr(begin, end - begin));
      begin = end;
    }
    return words;
  }

  std::vector<IpAddress> addresses(const char* name) {
    std::vector<IpAddress> addresses;
    for (const std::string& word : words(name, kMostOfAKind)) {
      const auto address = IpAddress::parse(word);
      if (!address || !address->is_of_a_host())
        refuse(name, "not the address of a host", word);
      else if (std::find(addresses.begin(), addresses.end(), *address) == addresses.end())
        addresses.push_back(*address);
    }
    return addresses;
  }

  // All of them or, if one is wrong, none: such a value is not a list of domains.
  void add_domains(const char* name, std::vector<std::string>& domains) {
    const auto words = this->words(name, kMostOfAKind);
    if (!std::all_of(words.begin(), words.end(), is_name)) return refuse(name, "not domains", value(name));
    for (const std::string& word : words)
      if (std::find(domains.begin(), domains.end(), word) == domains.end()) domains.push_back(word);
  }

  std::optional<uint32_t> number(const char* name, uint32_t least, uint32_t most) {
    const std::string text = value(name);
    if (text.empty()) return std::nullopt;
    uint64_t number = 0;
    for (const char digit : text) {
      if (digit < '0' || digit > '9' || number > UINT32_MAX) return refuse(name, "not a number", text), std::nullopt;
      number = 10 * number + static_cast<uint64_t>(digit - '0');
    }
    if (number < least || number > most) return refuse(name, "out of bounds", text), std::nullopt;
    return static_cast<uint32_t>(number);
  }

  // "DESTINATION/LENGTH GATEWAY DESTINATION/LENGTH GATEWAY …"
  std::vector<Lease::Route> routes(const char* name) {
    std::vector<Lease::Route> routes;
    const auto words = this->words(name, 2 * kMostRoutes);
    for (size_t i = 0; i + 1 < words.size(); i += 2) {
      const auto to = IpPrefix::parse(words[i]);
      const auto by = IpAddress::parse(words[i + 1]);
      if (to && by && to->address.is_v4() && by->is_v4() && (by->is_unspecified() || by->is_of_a_host()))
        routes.push_back({to->network(), *by});
      else
        refuse(name, "not a route", words[i] + " " + words[i + 1]);
    }
    return routes;
  }

  void refuse(const char* name, const char* why, const std::string& what) {
    if (refused.size() < kMostOfAKind)
      refused.push_back(std::string(name) + ": " + why + ": \"" + printable(what.substr(0, 64)) + "\"");
  }

  std::vector<std::string> refused;

 private:
  const std::map<std::string, std::string>& environment_;
};

std::optional<IpPrefix> address_v4(LeaseReader& reader) {
  const std::string text = reader.value("ip");
  const auto address = IpAddress::parse(text);
  if (!address || !address->is_v4() || !address->is_of_a_host()) {
    if (!text.empty()) reader.refuse("ip", "not the address of a host", text);
    return std::nullopt;
  }
  std::string mask = reader.value("subnet");
  if (mask.empty()) mask = reader.value("mask");
  const auto length = parse_netmask(mask);
  if (!length && !mask.empty()) reader.refuse("subnet", "not a netmask", mask);
  return IpPrefix{*address, length.value_or(24)};
}

std::optional<IpPrefix> address_v6(LeaseReader& reader) {
  const std::string text = reader.value("ipv6");
  const auto prefix = IpPrefix::parse(text);
  if (prefix && !prefix->address.is_v4() && prefix->address.is_of_a_host()) return prefix;
  if (!text.empty()) reader.refuse("ipv6", "not the address of a host", text);
  return std::nullopt;
}

std::vector<std::string> texts_of(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> texts;
  for (const IpAddress& address : addresses) texts.push_back(address.text());
  return texts;
}
}  // namespace

Result<Lease> parse_lease(const std::map<std::string, std::string>& environment) {
  LeaseReader reader(environment);
  Lease lease;
  lease.device = reader.value("interface");
  if (!is_link_name(lease.device)) return Error{Code::kInvalid, "the lease names no proper link"};
  lease.address = address_v4(reader);
  if (!lease.address) lease.address = address_v6(reader);
  for (const IpAddress& router : reader.addresses("router"))
    if (router.is_v4()) lease.routers.push_back(router);
  lease.routes = reader.routes("staticroutes");
  if (lease.routes.empty()) lease.routes = reader.routes("msstaticroutes");
  lease.mtu = reader.number("mtu", kLeastMtu, kMostMtu).value_or(0);
  lease.dns = texts_of(reader.addresses("dns"));
  lease.ntp = texts_of(reader.addresses("ntpsrv"));
  reader.add_domains("search", lease.search);
  reader.add_domains("domain", lease.search);
  if (const std::string name = reader.value("hostname"); is_name(name))
    lease.hostname = name;
  else if (!name.empty())
    reader.refuse("hostname", "not a host's name", name);
  if (const auto server = IpAddress::parse(reader.value("serverid"))) lease.server = server->text();
  lease.lease_seconds = reader.number("lease", 0, UINT32_MAX).value_or(0);
  lease.refused = std::move(reader.refused);
  if (lease.address || !lease.dns.empty()) return lease;
  return Error{Code::kInvalid, "the lease for " + lease.device + " has no proper address"};
}

Bytes serialise(const Lease& lease) {
  Json routes = Json::array();
  for (const auto& route : lease.routes) routes.push_back({{"to", route.to.text()}, {"by", route.by.text()}});
  return written({{"device", lease.device},
                  {"address", lease.address ? lease.address->text() : ""},
                  {"routers", texts_of(lease.routers)},
                  {"routes", routes},
                  {"mtu", lease.mtu},
                  {"dns", lease.dns},
                  {"ntp", lease.ntp},
                  {"search", lease.search},
                  {"hostname", lease.hostname},
                  {"server", lease.server},
                  {"lease_seconds", lease.lease_seconds},
                  {"refused", lease.refused}});
}

Result<Lease> parse_lease_note(ByteView bytes) {
  const Json note = TRY(parse_json(bytes, "the note of a lease"));
  Lease lease;
  lease.device = text_of(note, "device");
  if (!is_link_name(lease.device)) return Error{Code::kInvalid, "the note of a lease names no link"};
  lease.address = IpPrefix::parse(text_of(note, "address"));
  for (const std::string& text : texts_of(note, "routers"))
    if (const auto router = IpAddress::parse(text)) lease.routers.push_back(*router);
  if (const Json& routes = member_of(note, "routes"); routes.is_array())
    for (const Json& route : routes) {
      const auto to = IpPrefix::parse(text_of(route, "to"));
      const auto by = IpAddress::parse(text_of(route, "by"));
      if (to && by) lease.routes.push_back({*to, *by});
    }
  lease.mtu = static_cast<uint32_t>(std::min<uint64_t>(number_of(note, "mtu").value_or(0), kMostMtu));
  for (const std::string& text : texts_of(note, "dns"))
    if (IpAddress::parse(text)) lease.dns.push_back(text);
  for (const std::string& text : texts_of(note, "ntp"))
    if (IpAddress::parse(text)) lease.ntp.push_back(text);
  for (const std::string& text : texts_of(note, "search"))
    if (is_dns_name(text)) lease.search.push_back(text);
  if (const std::string name = text_of(note, "hostname"); is_dns_name(name)) lease.hostname = name;
  if (const auto server = IpAddress::parse(text_of(note, "server"))) lease.server = server->text();
  lease.lease_seconds =
      static_cast<uint32_t>(std::min<uint64_t>(number_of(note, "lease_seconds").value_or(0), UINT32_MAX));
  lease.refused = texts_of(note, "refused");
  return lease;
}

}  // namespace granary
