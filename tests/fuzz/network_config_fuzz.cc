// NoCloud's network-config, in our YAML; and meta-data, in the same.
#include "fuzz/planned.h"
#include "initramfs/context/network_config.h"
#include "initramfs/context/sources.h"

namespace granary {
void try_input(ByteView input) {
  check_plan(parse_network_config(input, "s"));
  const Context context = nocloud_context({Bytes(input), std::nullopt, std::nullopt}, "s");
  promise(context.hostname.empty() || is_dns_name(context.hostname), "a host's name is one");
  promise(context.instance_id.find('\n') == std::string::npos, "an id is a line");
}
}  // namespace granary
