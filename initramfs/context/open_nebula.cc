// OpenNebula: context.sh on an ISO or on a vfat labelled "CONTEXT"; also CernVM Online's contexts, which use its names.
// A list of assignments, read as such (shell_assignments.h). Taken: ETHn_*, DNS, SEARCH_DOMAIN, USER_DATA(_ENCODING),
// USERDATA(_ENCODING), EC2_USER_DATA, SSH_PUBLIC_KEY, EC2_PUBLIC_KEY, ROOT_PUBKEY, HOSTNAME, SET_HOSTNAME, VMID.
#include <algorithm>

#include "initramfs/context/shell_assignments.h"
#include "initramfs/context/sources.h"
#include "initramfs/network/ip_address.h"
#include "initramfs/network/names.h"

namespace granary {

namespace {
constexpr int kMostLinks = 32;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::vector<std::string> words_of(const std::string& text, const char* separators = " ,\t\n") {
  std::vector<std::string> words;
  for (size_t begin = 0; (begin = text.find_first_not_of(separators, begin)) != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(separators, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

std::optional<Bytes> from_wrapped_base64(const std::string& text) {
  Bytes packed;
  for (const char c : text)
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') packed += c;
  auto bytes = from_base64(packed);
  if (!bytes) return std::nullopt;
  return std::move(*bytes);
}

class OpenNebulaReader {
 public:
  OpenNebulaReader(const ShellAssignments& said, const std::string& source) : said_(said) { context_.source = source; }

  Context run() {
    for (const std::string& line : said_.refused) complain("context.sh: " + line + "; left out");
    take_names();
    take_user_data();
    context_.network.origin = context_.source;
    for (int i = 0; i < kMostLinks; ++i) take_link("ETH" + std::to_string(i) + "_");
    add_servers("DNS", context_.network.dns);
    add_domains("SEARCH_DOMAIN", context_.network.search);
    return std::move(context_);
  }

 private:
  void complain(const std::string& what) { context_.complaints.push_back(context_.source + ": " + what); }
  std::string value(const std::string& name) const { return said_.value(name); }

  // The first of them that says something.
  std::string any(std::initializer_list<std::string> names) const {
    for (const std::string& name : names)
      if (std::string text = value(name); !text.empty()) return text;
    return {};
  }

  void take_names() {
    if (const std::string id = any({"VMID", "VM_CONTEXT_UUID"}); !id.empty()) set_instance_id(context_, "one-" + id);
    set_hostname(context_, any({"SET_HOSTNAME", "HOSTNAME"}));
    for (const char* name : {"SSH_PUBLIC_KEY", "EC2_PUBLIC_KEY"}) add_ssh_keys(context_, value(name));
    if (const auto key = from_wrapped_base64(value("ROOT_PUBKEY"))) add_ssh_keys(context_, *key);
  }

  void take_user_data() {
    for (const std::string name : {"USER_DATA", "USERDATA"}) {
      const std::string text = value(name);
      if (text.empty()) continue;
      if (lower(value(name + "_ENCODING")) != "base64") {
        context_.user_data = text;
        return;
      }
      return take_base64(name, text);
    }
    if (const std::string text = value("EC2_USER_DATA"); !text.empty()) take_base64("EC2_USER_DATA", text);
  }

  void take_base64(const std::string& name, const std::string& text) {
    auto bytes = from_wrapped_base64(text);
    if (bytes)
      context_.user_data = std::move(*bytes);
    else
      complain(name + " is no base64; left out");
  }

  void add_servers(const std::string& name, std::vector<std::string>& servers) {
    for (const std::string& word : words_of(value(name)))
      if (IpAddress::parse(word))
        servers.push_back(word);
      else
        complain(name + ": \"" + printable(word) + "\" is no address; left out");
  }
  void add_domains(const std::string& name, std::vector<std::string>& domains) {
    for (const std::string& word : words_of(value(name)))
      if (is_dns_name(word)) domains.push_back(word);
  }

  void take_link(const std::string& eth) {
    const std::string mac = lower(value(eth + "MAC")), ip = value(eth + "IP");
    const std::string ip6 = any({eth + "IP6", eth + "IPV6"});
    const std::string method = lower(value(eth + "METHOD")), method6 = lower(value(eth + "IP6_METHOD"));
    if (mac.empty() && ip.empty() && ip6.empty() && method.empty()) return;
    if (method == "skip" && (method6.empty() || method6 == "skip")) return;
    if (!mac.empty() && !is_mac(mac)) return complain(eth + "MAC is no MAC address; the link is left out");
    LinkPlan link;
    link.mac = mac;
    if (mac.empty()) link.device = lower(eth.substr(0, eth.size() - 1));
    link.dhcp = method == "dhcp" || (method.empty() && ip.empty() && ip6.empty());
    link.dhcp6 = method6 == "dhcp" || method6 == "auto";
    if (!ip.empty() && !link.dhcp && method != "skip") add_address(eth, ip, link);
    if (!ip6.empty() && (method6.empty() || method6 == "static")) add_address6(eth, ip6, link);
    add_gateways(eth, link);
    add_routes(eth, link);
    const std::string mtu = value(eth + "MTU");
    if (!mtu.empty() && mtu.size() <= 5 && mtu.find_first_not_of("0123456789") == std::string::npos)
      link.mtu = static_cast<uint32_t>(std::stoul(mtu));
    add_servers(eth + "DNS", context_.network.dns);
    add_domains(eth + "SEARCH_DOMAIN", context_.network.search);
    context_.network.links.push_back(std::move(link));
  }

  void add_address(const std::string& eth, const std::string& ip, LinkPlan& link) {
    const auto address = IpAddress::parse(ip);
    const std::string mask = value(eth + "MASK");
    const auto length = mask.empty() ? std::optional(24u) : parse_netmask(mask);
    if (address && address->is_of_a_host() && length)
      link.addresses.push_back(IpPrefix{*address, *length}.text());
    else
      complain(eth + "IP and " + eth + "MASK are no address; left out");
  }

  void add_address6(const std::string& eth, const std::string& ip, LinkPlan& link) {
    std::string length = value(eth + "IP6_PREFIX_LENGTH");
    if (length.empty()) length = "64";
    const auto prefix = IpPrefix::parse(ip.find('/') == std::string::npos ? ip + "/" + length : ip);
    if (prefix && prefix->address.is_of_a_host())
      link.addresses.push_back(prefix->text());
    else
      complain(eth + "IP6 is no address; left out");
  }

  void add_gateways(const std::string& eth, LinkPlan& link) {
    // Of several links that name a gateway, one may be meant: GATEWAY_IFACE=0, or =eth0.
    const std::string only = lower(value("GATEWAY_IFACE"));
    const std::string here = lower(eth.substr(0, eth.size() - 1));
    const bool meant = only.empty() || only == here || "eth" + only == here;
    for (const std::string& text : {value(eth + "GATEWAY"), any({eth + "IP6_GATEWAY", eth + "GATEWAY6"})}) {
      if (text.empty() || !meant) continue;
      const auto gateway = IpAddress::parse(text);
      if (gateway && gateway->is_of_a_host())
        link.gateways.push_back(gateway->text());
      else
        complain(eth + "GATEWAY is no address; left out");
    }
  }

  // "10.0.0.0/8 via 192.0.2.1, 172.16.0.0/12 via 192.0.2.2"
  void add_routes(const std::string& eth, LinkPlan& link) {
    for (const std::string& text : words_of(value(eth + "ROUTES"), ",")) {
      const auto words = words_of(text);
      const bool route =
          words.size() == 3 && words[1] == "via" && IpPrefix::parse(words[0]) && IpAddress::parse(words[2]);
      if (route)
        link.routes.push_back({words[0], words[2]});
      else
        complain(eth + "ROUTES: \"" + printable(text) + "\" is not NETWORK/LENGTH via GATEWAY; left out");
    }
  }

  const ShellAssignments& said_;
  Context context_;
};

class OpenNebula : public ContextSource {
 public:
  const char* name() const override { return "opennebula"; }
  bool needs_network() const override { return false; }

  Result<std::optional<Context>> look(const std::vector<SeedVolume>& volumes, const Fetch&) override {
    for (const SeedVolume& volume : volumes) {
      if (volume.type != "iso9660" && !has_label(volume, "context")) continue;
      const auto script = TRY(read_seed_file(volume, "context.sh"));
      if (!script) continue;
      return std::optional(open_nebula_context(*script, "OpenNebula (" + volume.device + ")"));
    }
    return std::optional<Context>();
  }
};
}  // namespace

Context open_nebula_context(ByteView script, const std::string& source) {
  return OpenNebulaReader(parse_shell_assignments(script), source).run();
}

std::unique_ptr<ContextSource> open_nebula() { return std::make_unique<OpenNebula>(); }

}  // namespace granary
