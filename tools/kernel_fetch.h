// Debian's kernel for a micro image, fetched while somebody looks on: steps as progress, notes as notes.
#pragma once

#include "builder/micro/kernel_source.h"
#include "tools/command.h"
#include "tools/progress.h"

namespace granary {

// `suite` empty: the usual one. `cache` is a cook's.   As debian_kernel
Result<MicroKernel> fetch_debian_kernel(const std::string& cache, const std::string& suite, Progress& progress, Io& io);

}  // namespace granary
