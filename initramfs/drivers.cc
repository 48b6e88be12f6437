#include "initramfs/drivers.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <memory>

#include "fs/base/file.h"
#include "initramfs/folder.h"

namespace granary {

namespace {
// Buses whose devices are there as soon as their own driver is: those of others may come later.
constexpr std::array<std::string_view, 4> kBuses{"pci:", "virtio:", "xen:", "vmbus:"};

bool is_of_a_bus(std::string_view alias) {
  return std::any_of(kBuses.begin(), kBuses.end(), [&](std::string_view bus) { return alias.starts_with(bus); });
}

// Words between `separator`, empty ones left out.
std::vector<std::string> split(ByteView text, char separator) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    if (end != 0) words.emplace_back(text.substr(0, end));
    if (end == ByteView::npos) break;
    text.remove_prefix(end + 1);
  }
  return words;
}

void add_devices(std::vector<std::string>& out, const std::string& folder) {
  for (const std::string& name : names_in(folder)) {
    const auto alias = read_file(folder + "/" + name + "/modalias", 4096);
    if (alias) out.push_back(alias->substr(0, alias->find('\n')));
  }
}
}  // namespace

std::vector<Driver> parse_drivers(ByteView text) {
  std::vector<Driver> drivers;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> words = split(line, ' ');
    if (words.size() < 3) continue;
    Driver driver{words[0], words[1] == "always", words[1] == "later", {}, {words.begin() + 3, words.end()}};
    if (words[2] != "-") driver.needs = split(words[2], ',');
    drivers.push_back(std::move(driver));
  }
  return drivers;
}

std::vector<Driver> parse_driver_order(ByteView text) {
  std::vector<Driver> drivers;
  for (const std::string& file : split(text, '\n')) drivers.push_back({file, true, false, {}, {}});
  return drivers;
}

std::vector<std::string> machine_aliases(const std::string& sys_folder) {
  std::vector<std::string> out;
  add_devices(out, sys_folder + "/bus/pci/devices");
  add_devices(out, sys_folder + "/bus/virtio/devices");
  // Their devices come one by one: all their drivers are wanted where there is the bus.
  for (const char* bus : {"xen", "vmbus"}) {
    if (exists(sys_folder + "/bus/" + bus)) out.push_back(std::string(bus) + ":");
  }
  return out;
}

bool is_needed(const Driver& driver, const std::vector<std::string>& machine) {
  if (driver.always || driver.later) return driver.always;
  bool of_a_bus = false;
  for (const std::string& alias : driver.aliases) {
    if (!is_of_a_bus(alias)) continue;
    of_a_bus = true;
    for (const std::string& device : machine) {
      const bool whole_bus = device.ends_with(':');
      if (whole_bus ? alias.starts_with(device) : ::fnmatch(alias.c_str(), device.c_str(), 0) == 0) return true;
    }
  }
  return !of_a_bus && !driver.aliases.empty();
}

}  // namespace granary
