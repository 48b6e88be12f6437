// ModuleSet: the modules of a kernel that travel in a micro image: what reaching a network, a disk and an OS takes on
// machines of all hypervisors, with what these need. One thread.
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

enum class ModuleUse {
  kAlways,    // loaded at each boot: file systems and the like
  kHardware,  // for hardware that a machine may have, told by the aliases
  kLater,     // lies there for the OS
};
const char* name_of(ModuleUse use);

struct PackedModule {
  std::string name;                  // "virtio_net"
  std::string file;                  // "virtio_net.ko": flat, plain
  Bytes content;                     // as the kernel's builder signed it
  std::vector<std::string> depends;  // files before it in the set
  std::vector<std::string> aliases;
  ModuleUse use = ModuleUse::kAlways;
};

// In the order in which they can be loaded.
using ModuleSet = std::vector<PackedModule>;

struct ModuleWishes {
  std::vector<std::string> names;  // besides ours; loaded at each boot
  bool more = false;               // also packet filters, containers' networks, USB, drivers of physical machines ...
};

// `folder`: /lib/modules/VERSION of a kernel, with modules as they come (.ko, .ko.xz, .ko.gz, .ko.zst). What a kernel
// has built in or does not know is left out.
//   kNotFound  it lacks what nothing works without, or a module that was wished for
//   kCorrupt   a file is no module
Result<ModuleSet> choose_modules(const std::string& folder, const ModuleWishes& wishes);

// What the initramfs says about them beside the files (initramfs/paths.h, kModules).
//   granary.order    the files that are loaded at boot, in order, one a line
//   granary.modules  a line a module, in order: FILE, always|hardware|later, needed files joined by "," or "-", aliases
std::string order_text(const ModuleSet& modules);
std::string modules_text(const ModuleSet& modules);

}  // namespace granary
