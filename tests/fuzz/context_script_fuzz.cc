// OpenNebula's context.sh: assignments are taken, nothing is run; what is made of them is checked.
#include "fuzz/fuzz.h"
#include "initramfs/context/sources.h"
#include "initramfs/network/ip_address.h"
#include "initramfs/network/names.h"

namespace granary {

void try_input(ByteView input) {
  const Context context = open_nebula_context(input, "s");
  promise(context.hostname.empty() || is_dns_name(context.hostname), "a host's name is one");
  for (const std::string& key : context.ssh_keys)
    promise(key.find_first_of(std::string("\n\r\0", 3)) == std::string::npos, "a key is a line");
  for (const LinkPlan& link : context.network.links) {
    promise(link.mac.empty() || is_mac(link.mac), "a MAC is one");
    for (const std::string& address : link.addresses) promise(bool(IpPrefix::parse(address)), "an address is one");
    for (const std::string& gateway : link.gateways) promise(bool(IpAddress::parse(gateway)), "a gateway is one");
  }
  for (const std::string& server : context.network.dns) promise(bool(IpAddress::parse(server)), "a server is one");
  for (const std::string& line : context.complaints) promise(line.find('\n') == std::string::npos, "a line each");
}

}  // namespace granary
