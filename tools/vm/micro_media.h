// The micro image that a machine starts from: built when it is needed, kept under the digest of all that goes into it.
#pragma once

#include <string>

#include "tools/command.h"

namespace granary {

struct MicroMedia {
  std::string kernel, initrd;
  std::string command_line;  // what the image wants said
};

// `kernel`: "debian", "tiny" or the path of a bzImage. Builds with builder/micro unless it is in `cache_folder`.
Result<MicroMedia> micro_media(const std::string& kernel, const std::string& trust, const std::string& cache_folder,
                               Io& io);

// A folder that `granary micro build --format kernel+initrd` made.   kInvalid: it holds no vmlinuz and initrd
Result<MicroMedia> micro_media_in(const std::string& folder);

// ${XDG_CACHE_HOME:-~/.cache}/granary/boot
std::string boot_cache_folder();

}  // namespace granary
