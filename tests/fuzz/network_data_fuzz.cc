// network_data.json, as OpenStack and ConfigDrive have it.
#include "fuzz/planned.h"
#include "initramfs/context/network_config.h"

namespace granary {
void try_input(ByteView input) { check_plan(parse_network_data(input, "s")); }
}  // namespace granary
