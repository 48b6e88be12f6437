#include "tools/vm/micro_media.h"

#include <cstdlib>

#include "fs/base/file.h"

namespace granary {

Result<MicroMedia> micro_media_in(const std::string& folder) {
  MicroMedia out{folder + "/vmlinuz", folder + "/initrd", ""};
  for (const std::string& file : {out.kernel, out.initrd})
    if (!exists(file))
      return Error{Code::kInvalid,
                   str(printable(file), " is missing: granary micro build --format kernel+initrd makes such a folder")};
  if (!exists(folder + "/cmdline")) return out;
  out.command_line = TRY(read_file(folder + "/cmdline", 16 << 10));
  while (!out.command_line.empty() && out.command_line.back() == '\n') out.command_line.pop_back();
  return out;
}

Result<MicroMedia> micro_media(const std::string&, const std::string&, const std::string&, Io&) {
  return Error{Code::kUnsupported, "no micro image can be built yet: say --image"};
}

std::string boot_cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') return str(cache, "/granary/boot");
  const char* home = std::getenv("HOME");
  return str(home != nullptr ? home : "/root", "/.cache/granary/boot");
}

}  // namespace granary
