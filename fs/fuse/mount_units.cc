#include "fs/fuse/mount_units.h"

#include "fs/fuse/mount_arguments.h"

namespace granary {

namespace {
// "%" begins a specifier in unit files.
std::string unit_text(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '%' ? "%%" : std::string(1, c);
  return out;
}

const Configuration::Entry* find_entry(const Configuration& configuration, const Configuration::Section& section,
                                       std::string_view key) {
  const auto* own = section.find(key);
  return own == nullptr ? configuration.defaults().find(key) : own;
}

std::string head_of(const std::string& repository, const std::string& mount_point, const std::string& origin) {
  return str("# Made by granary-generator from ", origin, "; changes here are lost, drop-ins are not.\n[Unit]\n",
             "Description=Granary repository ", unit_text(repository), " on ", unit_text(mount_point), "\n",
             "Documentation=man:granary-mount(1)\nSourcePath=", unit_text(origin.substr(0, origin.rfind(':'))), "\n");
}

// _netdev makes systemd order it behind the network; nofail lets the boot go on without it.
MountUnit mount_unit(const std::string& repository, const std::string& mount_point, const std::string& origin,
                     const std::string& config_option) {
  const std::string options = "_netdev,nofail" + (config_option.empty() ? "" : ",config=" + config_option);
  return {unit_name_of(mount_point) + ".mount",
          str(head_of(repository, mount_point, origin),
              "Wants=network-online.target\nAfter=network-online.target remote-fs-pre.target\n\n[Mount]\nWhat=",
              unit_text(repository), "\nWhere=", unit_text(mount_point), "\nType=granary\nOptions=", unit_text(options),
              "\n"),
          false};
}

MountUnit automount_unit(const std::string& repository, const std::string& mount_point, const std::string& origin) {
  return {unit_name_of(mount_point) + ".automount",
          str(head_of(repository, mount_point, origin),
              "Before=remote-fs.target\n\n[Automount]\nWhere=", unit_text(mount_point), "\n"),
          true};
}
}  // namespace

std::string unit_name_of(const std::string& path) {
  std::string out;
  bool is_gap = true;  // between two names; slashes at the beginning and the end stand for nothing
  for (const char c : path) {
    if (c == '/') {
      is_gap = true;
      continue;
    }
    if (is_gap && !out.empty()) out += '-';
    is_gap = false;
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' ||
                          c == '_' || (c == '.' && !out.empty());
    out += is_plain ? std::string(1, c) : "\\x" + to_hex(std::string(1, c));
  }
  return out.empty() ? "-" : out;
}

MountUnits mount_units(const Configuration& configuration, const std::string& config_option) {
  MountUnits out;
  for (const auto& problem : configuration.problems()) out.problems.push_back(problem.text);
  for (const auto& [name, section] : configuration.repositories()) {
    const auto* mount_point = section.find("mount_point");
    const auto* automount = find_entry(configuration, section, "automount");
    if (mount_point == nullptr || automount == nullptr || configuration.problem_of(name)) continue;
    MountUnit mount = mount_unit(name, mount_point->value, section.origin, config_option);
    const bool is_automatic = parse_yes(automount->value).value_or(false);
    mount.is_wanted = !is_automatic;
    out.units.push_back(std::move(mount));
    if (is_automatic) out.units.push_back(automount_unit(name, mount_point->value, section.origin));
  }
  return out;
}

}  // namespace granary
