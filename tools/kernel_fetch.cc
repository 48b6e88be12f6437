#include "tools/kernel_fetch.h"

#include "builder/archive/apt_archives.h"
#include "builder/archive/apt_sources.h"
#include "tools/format.h"

namespace granary {

Result<MicroKernel> fetch_debian_kernel(const std::string& cache, const std::string& suite, Progress& progress,
                                        Io& io) {
  KernelFetch fetch;
  fetch.cache = cache;
  if (!suite.empty()) fetch.suite = suite;
  fetch.now = Clock::system().now();
  fetch.on_step = [&](const std::string& step) { progress.show(step); };
  fetch.on_fetch = [&](const FetchProgress& at) {
    progress.show(str("fetching the kernel: ", human_bytes(at.bytes), " of ", human_bytes(at.bytes_total)));
  };
  AptArchives source(TRY(AptSources::of_host()), fetch.cache);
  std::vector<std::string> notes;
  MicroKernel kernel = TRY(debian_kernel(source, fetch, notes));
  progress.clear();
  for (const std::string& note : notes) io.err << "note: " << note << "\n";
  return kernel;
}

}  // namespace granary
