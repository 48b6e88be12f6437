// Which drivers this machine needs: an image has those of many hypervisors, and loading all of them costs seconds.
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

// A driver of the image, as `granary micro build` lists them in granary.modules, a line each: FILE, always, hardware or
// later, the files that it needs joined by ",", or "-", then its aliases.
struct Driver {
  std::string file;
  bool always = false, later = false;  // later: the OS's, not ours
  std::vector<std::string> needs, aliases;
  bool operator==(const Driver&) const = default;
};
std::vector<Driver> parse_drivers(ByteView text);
// Of granary.order, a file a line: all are loaded.
std::vector<Driver> parse_driver_order(ByteView text);

// What the kernel says is in this machine: the modalias of each device of the PCI and virtio buses, and "xen:",
// "vmbus:" where there are such buses.
std::vector<std::string> machine_aliases(const std::string& sys_folder = "/sys");

// What is always loaded; drivers of a bus that can be looked at when an alias fits a device, other drivers. What has no
// alias is loaded when something needs it.
bool is_needed(const Driver& driver, const std::vector<std::string>& machine);

}  // namespace granary
