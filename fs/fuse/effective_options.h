// What holds for a mount and who said so, for people and scripts: `granary showconfig`. Pure.
#pragma once

#include "fs/format/json.h"
#include "fs/fuse/mount_options.h"

namespace granary {

struct EffectiveValue {
  std::string key;     // as in the configuration
  std::string value;   // passwords masked; what the default is in words
  std::string origin;  // as Setting::origin, "default" when nobody said anything
};

// url and mount_point, then every option in the order of the table; of a list one for each item.
std::vector<EffectiveValue> effective_values(const MountOptions& options);

// {"repository": its name in the configuration or null, "values": {"quota": {"value": …, "origin": …}, …}}; a list has
// an array of such objects.
JsonValue effective_json(const MountOptions& options);

}  // namespace granary
