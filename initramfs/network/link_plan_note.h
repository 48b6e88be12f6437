// A LinkPlan in notes of our own (the saved context, the links' plan), as a JSON object. What is missing or of another
// type is not planned; an MTU beyond 65535 is that.
#pragma once

#include "initramfs/json_reading.h"
#include "initramfs/network/network.h"

namespace granary {

Json json_of(const LinkPlan& link);
LinkPlan link_plan_of(const Json& json);

}  // namespace granary
