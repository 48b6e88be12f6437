// What a publish did, as scripts read it: the same keys from `publish` and from `transaction commit`.
#pragma once

#include "server/publisher.h"
#include "tools/command.h"

namespace granary {

OrderedJson published_json(const Published& published);
OrderedJson carried_json(const std::vector<CarriedProfile>& profiles);

// A line for each profile of the snapshot before: what of it goes on, or why it does not.
void print_carried(const std::vector<CarriedProfile>& profiles, Io& io);

}  // namespace granary
