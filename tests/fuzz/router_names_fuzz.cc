// What an IPv6 router advertises of names.
#include "fuzz/fuzz.h"
#include "initramfs/network/advertised_names.h"
#include "initramfs/network/ip_address.h"
#include "initramfs/network/names.h"

namespace granary {

void try_input(ByteView input) {
  RouterNames names;
  add_router_names(input, names);
  promise(names.dns.size() <= 16 && names.search.size() <= 16, "they are bounded");
  for (const std::string& server : names.dns) promise(bool(IpAddress::parse(server)), "a server is an address");
  for (const std::string& domain : names.search) promise(is_dns_name(domain), "a domain is a name");
}

}  // namespace granary
