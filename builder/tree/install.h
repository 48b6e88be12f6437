// Installing the packages of one layer of a lock into a tree: their files from per-package layers, their maintainer
// scripts in the locked order, so that the result equals real dpkg's (docs/cooking.md, "The tree").
#pragma once

#include <functional>
#include <span>
#include <string>

#include "builder/recipe/lock.h"

namespace granary {

// kFast lays out files by itself and leaves configuring to the tree's dpkg; kReference leaves everything to it.
enum class InstallMode { kFast, kReference };

struct InstallProgress {
  const char* step = "";  // "unpacking", "configuring"
  std::string package;
  uint64_t done = 0, total = 0;
};

struct InstallOptions {
  std::string root;    // the tree: empty before the first layer, else with the layers below in it; writable
  std::string layers;  // a directory of unpacked packages, shared by all cooks of this machine; made when missing
  std::string log;     // a file that gets what scripts print; its end is shown when one fails
  InstallMode mode = InstallMode::kFast;
  UnixSeconds source_date_epoch = 0;  // what hooks are told; packages are told the lock's
  std::function<void(const InstallProgress&)> on_progress = [](const InstallProgress&) {};
};

// `debs`: the paths of the .deb files of lock.packages[numbers[i]]; all of one layer, in order.
//   kInvalid     a maintainer script failed: the message names package and script and ends with what it said
//   kCorrupt     a .deb is damaged
//   kPermission  needs root
Status install_packages(const Lock& lock, std::span<const uint32_t> numbers, std::span<const std::string> debs,
                        const InstallOptions& options);

// The recipe's own: locale, time zone, host name, files, groups and users (and who owns the files), hooks, in this
// order.
//   kInvalid  a hook failed (its output is in the message), a file or user names an owner or group that is not there, a
//             number is taken, or the tree lacks what a locale or time zone needs
Status apply_recipe(const Recipe& recipe, const InstallOptions& options);

// Takes out what differs from cook to cook or must be made by each machine for itself (host keys, machine-id, random
// seeds, logs, caches), and sets every time later than `source_date_epoch` back to it. `root` may be the upper layer of
// an overlay that is not mounted.
Status finish_tree(const std::string& root, UnixSeconds source_date_epoch);

// Runs a command in the tree as the cook does (own mount, process, host name and network namespaces, own /dev, a clean
// environment) with standard streams as ours. The exit status, 128 + N for a signal.
Result<int> run_in_tree(const std::string& root, const std::vector<std::string>& command);

}  // namespace granary
