// KernelModule: what a module of the Linux kernel (.ko, a relocatable ELF64 object of little-endian machines) says
// about itself in its section .modinfo. Foreign bytes: everything is bounded. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

struct KernelModule {
  std::string name;                   // "virtio_net": with underscores, whatever its file is called
  std::vector<std::string> depends;   // names of modules that must be loaded before it
  std::vector<std::string> softdeps;  // names or aliases of modules that should be: "crypto-crc32c"
  std::vector<std::string> aliases;   // patterns of the hardware it is for, and other names: "pci:v00001AF4d*"
  bool has_debug = false;             // it carries sections for debuggers

  //   kCorrupt  not a module: the message says what is wrong
  static Result<KernelModule> parse(ByteView bytes);
};

// The kernel takes "-" and "_" in names of modules for the same: "8139too", "virtio_rng" of virtio-rng.ko.
std::string module_name(std::string_view text);

}  // namespace granary
