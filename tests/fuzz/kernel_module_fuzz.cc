// A kernel module: what it says about itself, or an error.
#include "builder/micro/kernel_module.h"
#include "fuzz/fuzz.h"

namespace granary {
void try_input(ByteView input) {
  const auto module = KernelModule::parse(input);
  if (!module) {
    promise(module.error().code == Code::kCorrupt, "what is no module is called so");
    return;
  }
  promise(!module->name.empty(), "it has a name");
  for (const std::string& name : module->depends) promise(name.find('-') == name.npos, "names are of one form");
}
}  // namespace granary
