// What a publish did, as scripts read it: the same keys from `publish` and from `transaction commit`.
#pragma once

#include "server/publisher.h"
#include "tools/command.h"

namespace granary {

OrderedJson published_json(const Published& published);

}  // namespace granary
