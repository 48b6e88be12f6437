// The systemd units that mount a machine's repositories: NAME.mount, and NAME.automount for those with `automount =
// yes`, for every repository of the configuration that has both `mount_point` and `automount` (its own, or the
// defaults'). See systemd.mount(5), systemd.automount(5) and systemd.generator(7). Pure.
#pragma once

#include "fs/fuse/configuration.h"

namespace granary {

struct MountUnit {
  std::string name;  // "srv-sw.mount"
  std::string text;
  bool is_wanted = false;  // by remote-fs.target: at boot
};

struct MountUnits {
  std::vector<MountUnit> units;
  std::vector<std::string> problems;  // repositories that were left out, and why
};
MountUnits mount_units(const Configuration& configuration, const std::string& config_option);

// As `systemd-escape --path`: "/srv/my sw" is "srv-my\x20sw".
std::string unit_name_of(const std::string& path);

}  // namespace granary
