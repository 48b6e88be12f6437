#include "builder/micro/micro_parts.h"

#include <cstdlib>
#include <filesystem>

#include "builder/micro/micro_image.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr const char* kParts[] = {"granary-init", "granary-mount", "busybox", "e2fs"};

std::string missing_in(const std::string& folder) {
  std::string missing;
  for (const char* part : kParts) {
    if (!exists(folder + "/" + part)) missing += (missing.empty() ? "" : ", ") + std::string(part);
  }
  return missing;
}
}  // namespace

std::vector<std::string> micro_folders() {
  if (const char* said = std::getenv("GRANARY_MICRO_PARTS"); said != nullptr && *said != '\0') return {said};
  std::error_code failure;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failure).parent_path();
  std::vector<std::string> folders{(self.parent_path() / "lib/granary/micro").string()};
  for (auto above = self; above.has_relative_path(); above = above.parent_path()) {
    if (exists((above / "tools/dev").string())) folders.push_back((above / "build/micro/parts").string());
  }
  return folders;
}

Result<std::string> find_micro_parts() {
  std::string told;
  for (const std::string& folder : micro_folders()) {
    const std::string missing = missing_in(folder);
    if (missing.empty()) return folder;
    told += str(told.empty() ? "" : "; ", printable(folder), exists(folder) ? " lacks " + missing : " does not exist");
  }
  return Error{Code::kNotFound, str("the programs of the micro image are not there: ", told,
                                    ". In a source tree `tools/dev micro-parts` makes them; the package has them")};
}

}  // namespace granary
