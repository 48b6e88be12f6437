#include "tools/programs.h"

#include <unistd.h>

#include <filesystem>

namespace granary {

Result<std::string> find_program(const std::string& name) {
  std::error_code failure;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failure);
  const auto beside = self.parent_path() / name;
  const auto libexec = self.parent_path().parent_path() / "libexec/granary" / name;
  for (const auto& candidate : {beside, libexec}) {
    if (::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return Error{Code::kNotFound, str("cannot find ", name, " beside ", self.string(), ": is the package complete?")};
}

}  // namespace granary
