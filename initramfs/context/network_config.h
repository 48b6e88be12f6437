// What a context says of the network, made into a plan: NoCloud's network-config (cloud-init's versions 1 and 2, of
// which physical links) and the network_data.json of OpenStack and ConfigDrive.
#pragma once

#include "fs/base/bytes.h"
#include "initramfs/network/network.h"

namespace granary {

// kInvalid, kUnsupported: not understood, or needs what we cannot set up (bonds, bridges, VLANs): nothing of it is
// taken.
Result<NetworkPlan> parse_network_config(ByteView text, const std::string& origin);

// kCorrupt: no JSON;   kUnsupported: as above.
Result<NetworkPlan> parse_network_data(ByteView text, const std::string& origin);

}  // namespace granary
